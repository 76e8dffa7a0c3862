"""LMDeploy's own proxy before model servers of a benchmark."""

import json
import os
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.model_servers import START_S, free_port
from bot.runtime.child_process import ChildProcess, start_child


def call(url: str, key: str, body: dict[str, Any] | None = None) -> Any:
    """GET, or POST a JSON body. Raises OSError, ValueError."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def wait_until_listening(url: str, key: str, child: ChildProcess) -> None:
    """Raises ChildFailed if the proxy ends, or doesn't listen within START_S."""
    deadline = time.monotonic() + START_S
    while child.running and time.monotonic() < deadline:
        try:
            call(f"{url}/nodes/status", key)
            return
        except (OSError, ValueError):
            time.sleep(0.2)
    child.wait_ready(0.0)


@contextmanager
def running_proxy(python: str, log: Path) -> Iterator[tuple[str, ChildProcess]]:
    """Start `lmdeploy serve proxy` without a server behind it; yields its URL and process at once."""
    port = free_port()
    command = [python, "-m", "lmdeploy", "serve", "proxy", "--disable-cache-status"]
    command += ["--server-name", "127.0.0.1", "--server-port", str(port)]
    environment = {**os.environ, "PYTHONPATH": os.environ.get("SERVE_PATH", os.environ.get("PYTHONPATH", ""))}
    with start_child("proxy", command, log=log, environment=environment, grace_s=5) as child:
        yield f"http://127.0.0.1:{port}", child


def set_nodes(proxy: str, urls: Sequence[str], key: str) -> list[str]:
    """Put these servers behind the proxy and no others; returns the names of models that it then lists.

    Raises OSError, ValueError.
    """
    for node in call(f"{proxy}/nodes/status", key):
        call(f"{proxy}/nodes/remove", key, {"url": node})
    for node in urls:
        models = [model["id"] for model in call(f"{node}/v1/models", key)["data"]]
        # With names given, the proxy does not ask the server for them; it would ask without the key.
        call(f"{proxy}/nodes/add", key, {"url": node, "status": {"models": models}})
    return [model["id"] for model in call(f"{proxy}/v1/models", key)["data"]]
