"""Model servers that a benchmark starts: a free port, waiting until a server answers, and its kind of preprocess."""

import socket
import time
import urllib.request
from pathlib import Path

from bot.runtime.child_process import ChildProcess

START_S = 200.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, child: ChildProcess, timeout_s: float = START_S) -> None:
    """Wait until a plain server answers. Raises ChildFailed if it ends or times out."""
    deadline = time.monotonic() + timeout_s
    while child.running and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    child.wait_ready(0.0)


def preprocess_of(log: Path) -> str:
    """Where our server preprocesses photos, from its log: "gpu", or "stock" if the launcher fell back to LMDeploy's."""
    output = log.read_text(encoding="utf-8", errors="replace")
    return "gpu" if "registered in the engine process" in output else "stock"
