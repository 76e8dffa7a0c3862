"""Assigns each server CPU cores of its own. Linux only; on other systems it does nothing.

A starting server is busy for a minute (imports, compilation, warm-up); on shared cores it would slow down the others.
"""

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import psutil

log = logging.getLogger(__name__)


def split_cores(cores: Sequence[int], parts: int) -> list[list[int]]:
    """Split the cores into `parts` disjoint portions; where they don't divide evenly, the later ones get one more.

    With fewer cores than parts, each part gets one core, and some parts share one.
    """
    if parts >= len(cores):
        return [[cores[part % len(cores)]] for part in range(parts)]
    bounds = [len(cores) * part // parts for part in range(parts + 1)]
    return [list(cores[start:end]) for start, end in zip(bounds, bounds[1:], strict=False)]


def pin_process(pid: int, cores: Sequence[int]) -> None:
    """Restrict a process and its descendants to those cores. Processes that they start later inherit this."""
    if not hasattr(os, "sched_setaffinity"):
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            for thread in _thread_ids(process.pid):
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(thread, cores)


def _thread_ids(pid: int) -> list[int]:
    try:
        return [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []


def assign_cores(pids: Sequence[int]) -> None:
    """Give each server its portion of the cores that this process may use; a single server gets all of them."""
    if not pids or not hasattr(os, "sched_getaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    for pid, portion in zip(pids, split_cores(cores, len(pids)), strict=True):
        pin_process(pid, portion)
