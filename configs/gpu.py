"""The GPUs of this host, as nvidia-smi lists them, and the environment variables that give a process some of them."""

import os
import subprocess
from collections.abc import Sequence
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


def card_gb(ids: Sequence[str] = ()) -> float:
    """Memory of the smallest GPU, 10⁹ bytes; 0 if there is no GPU or its memory is unknown.

    Only those of `ids` count, if these are numbers of nvidia-smi; else all of the host.
    """
    gpus = _gpus()
    numbers = {int(gpu_id) for gpu_id in ids if gpu_id.isdecimal() and int(gpu_id) < len(gpus)}
    return min((gpu.all_gb for number, gpu in enumerate(gpus) if not numbers or number in numbers), default=0.0)


@dataclass(frozen=True)
class GpuSelection:
    """GPUs for processes. `by_bus`: ids that are numbers count as nvidia-smi does, not as CUDA does by default."""

    ids: tuple[str, ...]
    by_bus: bool = True

    @classmethod
    def of(cls, ids: Sequence[str]) -> "GpuSelection":
        """The GPUs of a setting; if it is empty those of CUDA_VISIBLE_DEVICES, and without that all of the host."""
        if ids:
            return cls(tuple(ids))
        if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
            return cls(tuple(part.strip() for part in visible.split(",") if part.strip()), by_bus=False)
        return cls(tuple(map(str, range(len(_gpus())))))

    def variables(self, *chosen: str) -> dict[str, str]:
        """The variables that give a process the `chosen` of these GPUs, by default all."""
        order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if self.by_bus else {}
        return {"CUDA_VISIBLE_DEVICES": ",".join(chosen or self.ids), **order}


def card_name() -> str:
    """Name of the first GPU; empty if there is none."""
    return next((gpu.name for gpu in _gpus()), "")
