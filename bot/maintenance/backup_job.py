"""Makes scheduled backups in a thread, while the bot goes on working."""

import asyncio
import logging
import sqlite3
import time

from bot.runtime.periodic import Periodic
from configs.errors import JokebotError
from configs.settings import Settings
from storage.maintenance.backup import back_up, list_backups

log = logging.getLogger(__name__)

START_S = 60.0
"""Delay of the first check, to keep the start fast."""
CHECK_INTERVAL_S = 600.0
"""Between two checks whether a backup is due. No timer, because clocks jump and machines sleep."""


class BackupJob:
    """Makes backups; `error` is why the last one that was due couldn't be made, or ""."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.error = ""

    def job(self) -> Periodic:
        """The job of `back_up_if_due`."""
        return Periodic("backup", CHECK_INTERVAL_S, self.back_up_if_due, first_after_s=START_S)

    async def back_up_if_due(self) -> None:
        """Make a backup if the newest one is older than the settings allow."""
        if not self._settings.backup.every_h:
            return
        try:
            await asyncio.to_thread(_back_up_if_due, self._settings)
        except (JokebotError, sqlite3.Error, OSError) as error:
            log.error("no backup could be made: %s", error)
            self.error = str(error)
        else:
            self.error = ""


def _back_up_if_due(settings: Settings) -> None:
    times = [backup.created_at for backup in list_backups(settings.backup_folder)]
    # A backup from the future was made with a wrong clock and is ignored.
    newest = max((made_at for made_at in times if made_at <= time.time()), default=0.0)
    if time.time() - newest >= settings.backup.every_h * 3600:
        backup = back_up(
            settings.storage, settings.backup_folder, keep=settings.backup.keep, models=settings.backup.models
        )
        log.info(
            "backup %s: %d photos, %d ratings, %d models, %d photos without a file",
            backup.directory,
            backup.photos,
            backup.ratings,
            backup.models,
            backup.missing,
        )
