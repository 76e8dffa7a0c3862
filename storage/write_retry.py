"""Writes that wait: errors of SQLite that pass by themselves or by an admin's doing, and the repetition of a write.

Another process may hold the write lock (a backup tool, a viewer), the disk may be full or read-only. What such an error
stops is not lost: the caller repeats it until it succeeds.
"""

import asyncio
import errno
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from configs.errors import StorageUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
OnWait = Callable[[], Awaitable[object]]
"""Called once before the first repetition."""

TEMPORARY_CODES = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    )
)
"""Primary result codes (https://www.sqlite.org/rescode.html) of errors that blame neither statement nor file."""
TEMPORARY_ERRNOS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO))
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


def is_temporary(error: BaseException | None) -> bool:
    """Whether a write that failed with this error may succeed later, without a change of the program."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in TEMPORARY_CODES
    return isinstance(error, StorageUnavailable) or (isinstance(error, OSError) and error.errno in TEMPORARY_ERRNOS)


def pauses() -> Iterator[float]:
    """Seconds between the tries: doubling from FIRST_PAUSE_S to LONGEST_PAUSE_S."""
    pause = FIRST_PAUSE_S
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def repeat_write(error: sqlite3.Error, write: Callable[[], Awaitable[T]], on_wait: OnWait | None = None) -> T:
    """Call `write`, which has failed with `error`, until it ends without a temporary error.

    `write` has to be one transaction, so that a repetition is complete. Raises `error`, and every later one, if it is
    not temporary.
    """
    if not is_temporary(error):
        raise error
    log.warning("the database can't be written (%s); the write is repeated until it can", error)
    if on_wait:
        await on_wait()
    for pause in pauses():
        await asyncio.sleep(pause)
        try:
            return await write()
        except sqlite3.Error as later:
            if not is_temporary(later):
                raise
    raise AssertionError("the pauses don't end")
