"""Backups by the clock, made in a thread while the bot works on."""
import asyncio
import logging
import time

from configs.errors import JokebotError
from configs.settings import Settings
from storage.backup import back_up, backups

log = logging.getLogger(__name__)

START_S = 60.0
"""A start has better things to do first."""
LOOK_EVERY_S = 600.0
"""How often it is looked whether a backup is due: clocks jump, and machines sleep."""


class Backing:
    """Makes backups; `trouble` is why the last one that was due couldn't be made, or ""."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.trouble = ""

    async def keep(self) -> None:
        """Make a backup whenever the newest one is older than the settings say; never ends."""
        await asyncio.sleep(START_S)
        while True:
            if self._settings.backup.every_h:
                try:
                    await asyncio.to_thread(_back_up_if_due, self._settings)
                    self.trouble = ""
                except JokebotError as error:
                    log.error("no backup could be made: %s", error)
                    self.trouble = str(error)
            await asyncio.sleep(LOOK_EVERY_S)


def _back_up_if_due(settings: Settings) -> None:
    there = backups(settings.backup_folder)
    # A backup from the future tells of a clock that was wrong: it counts for nothing here.
    newest = max((one.created_at for one in there if one.created_at <= time.time()), default=0.0)
    if time.time() - newest >= settings.backup.every_h * 3600:
        made = back_up(settings.storage, settings.backup_folder, keep=settings.backup.keep, models=settings.backup.models)
        log.info("backup %s: %d photos, %d ratings, %d models, %d photos without a file", made.directory, made.photos, made.ratings,
                 made.models, made.missing)
