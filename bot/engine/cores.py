"""CPU cores for servers, apart from each other: a server that starts imports, compiles and warms up for a minute, and would
take the cores from under the ones that answer. Linux only; elsewhere nothing is done."""
import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import psutil

log = logging.getLogger(__name__)


def portions(cores: Sequence[int], parts: int) -> list[list[int]]:
    """The cores in `parts` portions without a common one, the later ones larger by one where it doesn't come out even.
    Where there are fewer cores than parts, each part gets one and some share it."""
    if parts >= len(cores):
        return [[cores[part % len(cores)]] for part in range(parts)]
    bounds = [len(cores) * part // parts for part in range(parts + 1)]
    return [list(cores[start:end]) for start, end in zip(bounds, bounds[1:], strict=False)]


def pin(pid: int, cores: Sequence[int]) -> None:
    """Let a process and all that it started run on those cores alone. What they start later inherits it."""
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


def share_out(pids: Sequence[int]) -> None:
    """Give each of these servers its portion of the cores that this process may use; a single one gets them all."""
    if not pids or not hasattr(os, "sched_getaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    for pid, portion in zip(pids, portions(cores, len(pids)), strict=True):
        pin(pid, portion)
