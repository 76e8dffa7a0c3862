"""Backups by the clock, made in a thread while the bot works on."""

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
"""A start has better things to do first."""
LOOK_EVERY_S = 600.0
"""How often it is looked whether a backup is due: clocks jump, and machines sleep."""


class BackupJob:
    """Makes backups; `trouble` is why the last one that was due couldn't be made, or ""."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.trouble = ""

    def job(self) -> Periodic:
        """`back_up_if_due`, again and again."""
        return Periodic("backup", LOOK_EVERY_S, self.back_up_if_due, first_after_s=START_S)

    async def back_up_if_due(self) -> None:
        """Make a backup where the newest one is older than the settings say."""
        if not self._settings.backup.every_h:
            return
        try:
            await asyncio.to_thread(_back_up_if_due, self._settings)
        except (JokebotError, sqlite3.Error, OSError) as error:
            log.error("no backup could be made: %s", error)
            self.trouble = str(error)
        else:
            self.trouble = ""


def _back_up_if_due(settings: Settings) -> None:
    there = list_backups(settings.backup_folder)
    # A backup from the future tells of a clock that was wrong: it counts for nothing here.
    newest = max((one.created_at for one in there if one.created_at <= time.time()), default=0.0)
    if time.time() - newest >= settings.backup.every_h * 3600:
        made = back_up(
            settings.storage, settings.backup_folder, keep=settings.backup.keep, models=settings.backup.models
        )
        log.info(
            "backup %s: %d photos, %d ratings, %d models, %d photos without a file",
            made.directory,
            made.photos,
            made.ratings,
            made.models,
            made.missing,
        )
