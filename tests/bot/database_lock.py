"""Another process's write lock on the database of a running bot."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from typing import Any


@asynccontextmanager
async def locked(stage: Any, wait_s: float = 0.05) -> AsyncIterator[None]:
    """Another process holds SQLite's write lock during the block; the bot's writes wait `wait_s` for it, then fail.

    The lock is asked for between the event loop's steps: a transaction of the bot, which may be open, ends on this
    loop, so a blocking wait for the lock would never end. The bot keeps its short wait afterwards; its start, whose
    own writes need the default, is over.
    """
    await stage.app.database._writer.execute(f"PRAGMA busy_timeout = {round(1000 * wait_s)}")
    with closing(sqlite3.connect(stage.settings.storage.database, isolation_level=None, timeout=0)) as other:
        while not other.in_transaction:
            with suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(0)
        yield
