"""Who is in service: the servers and the registry changed together, one change at a time."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from bot.engine.servers.base import ModelServers
from configs.errors import JokebotError
from storage.database import Database
from storage.learning import models, promotion
from storage.learning.models import Model
from storage.learning.promotion import Promotion
from storage.learning.reasons import ReasonLike

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Deployment:
    """Who is in service now, instead of whom, and how long that took."""

    model: Model
    replaced: Model
    seconds: float


class ModelDeployer:
    """For admins, the trials and the command line alike. A model is served before it is named champion."""

    def __init__(self, database: Database, servers: ModelServers) -> None:
        self._database, self._servers = database, servers
        self._changing = asyncio.Lock()

    async def promote(
        self, model_id: int, kind: str, *, reason: ReasonLike = "", asked_by: int | None = None
    ) -> Deployment:
        """Put a model into service; `kind` is one of storage.learning.promotion.KINDS.

        Raises RegistryError where it may not serve, ServeError where it can't; then nothing has changed.
        """
        async with self._changing:
            model = await promotion.ensure_servable(self._database, model_id)
            return await self._change(
                model, promotion.promote(self._database, model_id, kind, reason=reason, asked_by=asked_by)
            )

    async def roll_back(
        self, kind: str = "rollback", *, reason: ReasonLike = "", asked_by: int | None = None
    ) -> Deployment:
        """Put the model before back into service.

        Raises RegistryError where there is none, ServeError where it can't be served.
        """
        async with self._changing:
            model = await promotion.get_previous_champion(self._database)
            if model is None:
                raise models.RegistryError("There is no earlier model to go back to.")
            return await self._change(model, promotion.rollback(self._database, kind, reason=reason, asked_by=asked_by))

    async def _change(self, model: Model, recorded: Coroutine[Any, Any, Promotion]) -> Deployment:
        """`recorded` is the coroutine that writes the change down, once the model answers."""
        began, replaced = time.monotonic(), self._servers.router.champion.model
        try:
            await self._servers.swap(model)
        except BaseException:
            recorded.close()
            raise
        try:
            await recorded
        except (JokebotError, sqlite3.Error):
            # Somebody changed the registry between the look and the swap, or the database is locked or its disk full.
            await self._servers.swap(replaced)
            raise
        seconds = time.monotonic() - began
        log.info(
            "model %d (%s) is in service instead of model %d, after %.1f s", model.id, model.name, replaced.id, seconds
        )
        return Deployment(await models.get_model(self._database, model.id), replaced, seconds)
