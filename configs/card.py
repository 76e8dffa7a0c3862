"""The GPU of this host, as far as defaults depend on it."""
import subprocess
from functools import cache

LARGE_GB = 60.0
"""From here on a card takes two servers, a third one for a swap, and a QLoRA run of batch 4."""


@cache
def card_gb() -> float:
    """Memory of the smallest GPU here, 10⁹ bytes; 0 where NVIDIA's tool finds none. Asked for once."""
    try:
        shown = subprocess.run(["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"],
                               capture_output=True, text=True, timeout=20).stdout
        return min(float(line) for line in shown.split()) * 2**20 / 1e9
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0.0
