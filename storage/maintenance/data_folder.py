"""The data folder: private to its owner, and locked by one bot at a time."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from configs.errors import JokebotError

LOCK = ".bot.lock"


class FolderError(JokebotError):
    """The data folder can't be used; the message has the cause and the remedy."""


class FolderInUse(FolderError):
    """Another bot uses the data folder."""


@contextmanager
def data_folder_lock(directory: Path) -> Iterator[None]:
    """Create the folder if it is missing, make it private to its owner, and lock it for one bot.

    The system releases the lock when the process ends. Raises FolderInUse, and FolderError if the folder can't be
    written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if stat.S_IMODE(directory.stat().st_mode) & 0o077:
            directory.chmod(0o700)
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderError(
            f"The data folder {directory} can't be used: {error.strerror}. Check its rights, or name another one "
            "in JOKEBOT_STORAGE_DIRECTORY."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse(
                f"Another bot is at work in {directory}. Stop it first, or name another folder in "
                "JOKEBOT_STORAGE_DIRECTORY."
            ) from None
        yield
    finally:
        os.close(descriptor)


def is_bot_running(directory: Path) -> bool:
    """Whether a bot uses the folder now."""
    return is_locked(directory / LOCK)


def is_locked(file: Path) -> bool:
    """Whether a process holds the lock of that file; False if there is no file."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
