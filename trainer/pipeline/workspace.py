"""A run's files, and the lock of the process that executes runs."""

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
from storage.learning.run_files import GATE_FOLDER, RUNS_LOCK, log_file, verdict_file
from storage.maintenance.data_folder import is_locked
from trainer.merge.adapter import WEIGHTS

PART = re.compile(r"\.(?P<name>run-[\d-]+)\.part")
"""A model's folder of an interrupted merge."""


class WorkspaceLocked(JokebotError):
    """Another process executes a run."""


@dataclass(frozen=True)
class RunWorkspace:
    """The files of a run (storage/learning/run_files.py).

    `directory` is data/runs/ID, `models` data/models; both are absolute.
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
        """The file of the gate's verdict against that champion."""
        return verdict_file(self.directory, champion_id)

    def log(self, step: str) -> Path:
        return log_file(self.directory, step)

    def clear(self) -> None:
        """Remove all of the run's files except its logs. A repeated call completes an interrupted one."""
        for path in self.directory.iterdir() if self.directory.is_dir() else ():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix != ".log":
                path.unlink(missing_ok=True)


@asynccontextmanager
async def run_lock(folder: Path, *, wait_s: float) -> AsyncIterator[int]:
    """Lock the folder of runs for one process and its children. Yields the lock's descriptor.

    A child that inherits the descriptor keeps the lock, so that a new worker waits until orphaned steps have exited.
    The system releases the lock when the last of these processes ends. Raises WorkspaceLocked after `wait_s`.
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
    """Try to acquire the lock; False if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_lock(folder: Path) -> int:
    """Open the lock's file. The descriptor is not inherited unless it is passed to a child."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(folder / RUNS_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def is_run_active(folder: Path) -> bool:
    """Whether a process executes a run now."""
    return is_locked(folder / RUNS_LOCK)
