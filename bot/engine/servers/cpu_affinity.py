"""Assigns CPU cores to servers, each its own: a server that starts is busy for a minute with imports, compiling and
warming up, and would slow down those that answer. Linux only; elsewhere nothing is done."""

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import psutil

log = logging.getLogger(__name__)


def portions(cores: Sequence[int], parts: int) -> list[list[int]]:
    """Split the cores into `parts` disjoint portions; the later ones have one core more where it doesn't come out even.
    With fewer cores than parts, each part gets one core and some share it."""
    if parts >= len(cores):
        return [[cores[part % len(cores)]] for part in range(parts)]
    bounds = [len(cores) * part // parts for part in range(parts + 1)]
    return [list(cores[start:end]) for start, end in zip(bounds, bounds[1:], strict=False)]


def pin(pid: int, cores: Sequence[int]) -> None:
    """Restrict a process and its descendants to those cores. Processes that they start later inherit it."""
    if not hasattr(os, "sched_setaffinity"):
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            for thread in _threads(process.pid):
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(thread, cores)


def _threads(pid: int) -> list[int]:
    try:
        return [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []


def assign_cores(pids: Sequence[int]) -> None:
    """Give each of these servers its portion of the cores that this process may use; a single server gets all."""
    if not pids or not hasattr(os, "sched_getaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    for pid, portion in zip(pids, portions(cores, len(pids)), strict=True):
        pin(pid, portion)
