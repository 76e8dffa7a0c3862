"""Prunes the inbox, and stops the bot if the database file is damaged."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from bot.runtime.periodic import Periodic
from storage.chat import inbox
from storage.database import Database, DatabaseError, check_file

log = logging.getLogger(__name__)

PRUNE_EVERY_S = 3600.0
CHECK_EVERY_S = 6 * 3600.0


class DatabaseUpkeep:
    """Prunes the inbox and checks the file; `on_intact` is called after each check that found no damage."""

    def __init__(self, database: Database, file: Path, on_intact: Callable[[], object]) -> None:
        self._database, self._file, self._on_intact = database, file, on_intact

    def jobs(self) -> list[Periodic]:
        """`prune_inbox` every hour, `check` every six hours; damage ends the bot."""
        return [
            Periodic("prune-inbox", PRUNE_EVERY_S, self.prune_inbox, first_after_s=PRUNE_EVERY_S),
            Periodic("check-database", CHECK_EVERY_S, self.check, fatal=(DatabaseError,)),
        ]

    async def prune_inbox(self) -> None:
        """Delete finished updates. Raises sqlite3.Error."""
        log.info("%d finished updates deleted", await inbox.delete_finished(self._database))

    async def check(self) -> None:
        """Check the file. Raises DatabaseError if it is damaged, since every further write makes it worse."""
        await asyncio.to_thread(check_file, self._file)
        self._on_intact()
