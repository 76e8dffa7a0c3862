"""The GPU of this host, as far as defaults depend on it."""
import subprocess
from functools import cache


@cache
def card_gb() -> float:
    """Memory of the smallest GPU here, 10⁹ bytes; 0 where NVIDIA's tool finds none. Asked for once."""
    try:
        return min(float(line) for line in _asked("memory.total")) * 2**20 / 1e9
    except ValueError:
        return 0.0


@cache
def card_name() -> str:
    """What the first GPU here is called; empty where NVIDIA's tool finds none. Asked for once."""
    return next(iter(_asked("name")), "")


def _asked(what: str) -> list[str]:
    """A line for each GPU."""
    try:
        return subprocess.run(["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"],
                              capture_output=True, text=True, timeout=20).stdout.splitlines()
    except (OSError, subprocess.TimeoutExpired):
        return []
