"""A run's files, and the lock of the process that works on runs."""

import asyncio
import fcntl
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import StorageSettings
from storage.learning.run_files import GATE_FOLDER, log_file, verdict_file
from storage.maintenance.data_folder import is_locked
from trainer.merge.adapter import WEIGHTS

LOCK = ".lock"
PART = re.compile(r"\.(?P<name>run-[\d-]+)\.part")
"""A model's folder of an interrupted merge."""


class WorkspaceLocked(JokebotError):
    """Another process works on a run."""


@dataclass(frozen=True)
class RunWorkspace:
    """The files of a run (storage/learning/run_files.py): `directory` is data/runs/ID, `models` data/models; both
    absolute.
    """

    directory: Path
    models: Path

    @classmethod
    def of_run(cls, run_id: int, storage: StorageSettings) -> "RunWorkspace":
        return cls(storage.runs.absolute() / str(run_id), storage.models.absolute())

    @property
    def adapter(self) -> Path:
        return self.directory / WEIGHTS

    @property
    def gate(self) -> Path:
        return self.directory / GATE_FOLDER

    def verdict(self, champion_id: int) -> Path:
        """The gate's verdict against that champion."""
        return verdict_file(self.directory, champion_id)

    def log(self, step: str) -> Path:
        return log_file(self.directory, step)

    def clear(self) -> None:
        """Remove all of the run's files but its logs. A second call finishes what a kill left of the first."""
        for path in self.directory.iterdir() if self.directory.is_dir() else ():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix != ".log":
                path.unlink(missing_ok=True)


@asynccontextmanager
async def run_lock(folder: Path, *, wait_s: float) -> AsyncIterator[int]:
    """Lock the folder of runs: one process, with its children, works on runs at a time. Yields the lock's descriptor.

    A child that inherits the descriptor keeps the lock: a new worker waits until orphaned steps have exited. The system
    frees it when the last of them ends. Raises WorkspaceLocked after `wait_s`.
    """
    descriptor, deadline = open_lock(folder), time.monotonic() + wait_s
    try:
        while not try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise WorkspaceLocked(f"Another process is at work on a run in {folder}; `jokebot runs` shows it.")
            await asyncio.sleep(0.1)
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Try to take the lock; False where another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_lock(folder: Path) -> int:
    """The lock's file, opened; this process alone has the descriptor until a child is given it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def is_run_active(folder: Path) -> bool:
    """Whether a process works on a run at this moment."""
    return is_locked(folder / LOCK)
