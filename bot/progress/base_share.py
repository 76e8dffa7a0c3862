"""Serves the base beside the champion for a random share of the photos, where the settings and the engine allow it.

The base takes the room of the extra server. It leaves while a run is under way or a candidate is on trial, since these
need the room; then photos of that time don't count for either model.
"""

import logging
import time

from bot.engine.servers.base import ModelServers, ServeError
from bot.runtime.periodic import Periodic
from configs.settings import Settings
from storage.database import Database
from storage.learning.models import Model, RegistryError, get_model
from storage.learning.runs import current_run

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 5.0
RETRY_S = 3600.0
"""Until the next try after the base could not be served."""


class BaseShare:
    """Its `job` serves the base and ends it."""

    def __init__(self, database: Database, servers: ModelServers, settings: Settings) -> None:
        self._database, self._servers, self._settings = database, servers, settings
        self._not_before = 0.0

    def job(self) -> Periodic:
        """Calls `step` every POLL_INTERVAL_S."""
        return Periodic("base-share", POLL_INTERVAL_S, self.step)

    async def step(self) -> None:
        """Serve the base if there is room for it, else end it."""
        base, served = await self._wanted(), self._servers.router.base
        if served and (base is None or served.model.id != base.id):
            await self._servers.end_base()
        elif base and served is None and time.monotonic() >= self._not_before:
            try:
                await self._servers.serve_base(base, self._settings.joke.base_share)
                log.info(
                    "model %d, the base, gets %.0f %% of the photos", base.id, 100 * self._settings.joke.base_share
                )
            except ServeError as error:
                self._not_before = time.monotonic() + RETRY_S
                log.info("the base can't be served beside the champion: %s", error)

    async def _wanted(self) -> Model | None:
        """The base, if it is to be served now."""
        champion = self._servers.router.champion.model
        if champion.base_id is None or not self._settings.joke.base_share or not self._settings.may_serve_base:
            return None
        if self._settings.engine.kind != "url":
            run = await current_run(self._database)
            if self._servers.paused or self._servers.router.canary or (run and run.state != "queued"):
                return None
        try:
            base = await get_model(self._database, champion.base_id)
        except RegistryError:
            return None
        return None if base.removed_at else base
