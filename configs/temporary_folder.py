"""Temporary folders of a process: removed when it exits, or by a later process if it was killed.

Standard library only: all environments import this.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

LOCK = ".lock"
NEW_S = 60.0
"""A younger folder is left alone: its process may not have locked it yet."""
_locks: list[IO[str]] = []
"""The locks of this process's folders. The kernel releases them when the process, and its forks, have ended."""


def make_process_folder(prefix: str) -> Path:
    """A new folder with that prefix for the life of this process. Folders that killed processes left are removed."""
    remove_abandoned(prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    lock = (folder / LOCK).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    _locks.append(lock)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def remove_abandoned(prefix: str) -> None:
    """Remove this user's folders with that prefix whose process has ended. What can't be removed stays."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        try:
            status = folder.lstat()
            if status.st_uid != os.getuid() or folder.is_symlink() or time.time() - status.st_mtime < NEW_S:
                continue
            with (folder / LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # it is in use, or being removed by another process
            continue
