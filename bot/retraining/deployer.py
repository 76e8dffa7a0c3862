"""Deploys models: changes the servers and the registry together, one change at a time."""

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
    """The model in service now, the one that it replaced, and the seconds that the swap took."""

    model: Model
    replaced: Model
    seconds: float


class ModelDeployer:
    """Deploys for admins, trials and the command line. A model is served before it becomes champion."""

    def __init__(self, database: Database, servers: ModelServers) -> None:
        self._database, self._servers = database, servers
        self._changing = asyncio.Lock()

    async def promote(
        self, model_id: int, kind: str, *, reason: ReasonLike = "", asked_by: int | None = None
    ) -> Deployment:
        """Put a model into service; `kind` is one of storage.learning.promotion.KINDS.

        Raises RegistryError if it may not be served, ServeError if it can't be. After an error nothing has changed.
        """
        async with self._changing:
            model = await promotion.ensure_servable(self._database, model_id)
            return await self._swap_and_record(
                model, promotion.promote(self._database, model_id, kind, reason=reason, asked_by=asked_by)
            )

    async def roll_back(
        self, kind: str = "rollback", *, reason: ReasonLike = "", asked_by: int | None = None
    ) -> Deployment:
        """Put the previous champion back into service.

        Raises RegistryError if there is none, ServeError if it can't be served.
        """
        async with self._changing:
            model = await promotion.get_previous_champion(self._database)
            if model is None:
                raise models.RegistryError("There is no earlier model to go back to.")
            return await self._swap_and_record(
                model, promotion.rollback(self._database, kind, reason=reason, asked_by=asked_by)
            )

    async def _swap_and_record(self, model: Model, record: Coroutine[Any, Any, Promotion]) -> Deployment:
        """Swap the servers to a model; once it answers, await `record`, which writes the change to the registry."""
        started_at, replaced = time.monotonic(), self._servers.router.champion.model
        try:
            await self._servers.swap(model)
        except BaseException:
            record.close()
            raise
        try:
            await record
        except (JokebotError, sqlite3.Error):
            # The registry was changed during the swap, or the database is locked or its disk full.
            await self._servers.swap(replaced)
            raise
        seconds = time.monotonic() - started_at
        log.info(
            "model %d (%s) is in service instead of model %d, after %.1f s", model.id, model.name, replaced.id, seconds
        )
        return Deployment(await models.get_model(self._database, model.id), replaced, seconds)
