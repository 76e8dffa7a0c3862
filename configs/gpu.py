"""The GPUs of this host, as nvidia-smi lists them."""

import subprocess
from dataclasses import dataclass
from functools import cache

from configs.child_environment import child_environment

QUERY = ("--query-gpu=name,memory.used,memory.total", "--format=csv,noheader,nounits")
"""Arguments of nvidia-smi whose output `parse_gpus` reads."""
TIMEOUT_S = 20
"""Longest run of nvidia-smi."""


@dataclass(frozen=True)
class GpuInfo:
    """A GPU and its memory, 10⁹ bytes; 0 if nvidia-smi reports none (a GPU that shares the host's memory)."""

    name: str
    used_gb: float
    all_gb: float


def parse_gpus(output: str) -> list[GpuInfo]:
    """Parse the output of `nvidia-smi QUERY`, a line per GPU. Other lines (error messages) are skipped."""
    rows = (line.rsplit(",", 2) for line in output.splitlines())
    return [GpuInfo(row[0].strip(), _gb(row[1]), _gb(row[2])) for row in rows if len(row) == 3]


def _gb(mebibytes: str) -> float:
    try:
        return float(mebibytes) * 2**20 / 1e9
    except ValueError:
        return 0.0


@cache
def _gpus() -> list[GpuInfo]:
    """The GPUs, queried once per process; empty if nvidia-smi is missing, fails or hangs."""
    try:
        output = subprocess.run(
            ["nvidia-smi", *QUERY], capture_output=True, text=True, timeout=TIMEOUT_S, env=child_environment()
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_gpus(output)


def card_gb() -> float:
    """Memory of the smallest GPU, 10⁹ bytes; 0 if there is no GPU or its memory is unknown."""
    return min((gpu.all_gb for gpu in _gpus()), default=0.0)


def card_name() -> str:
    """Name of the first GPU; empty if there is none."""
    return next((gpu.name for gpu in _gpus()), "")
