"""An external engine that may be LMDeploy's proxy with several of our servers behind it.

Such a proxy lists a name for each server (`bot/engine/lmdeploy/node_name.py`). Then a photo goes to its own server, by
that name; if this fails, the proxy chooses a server.
"""

import logging
import time
from collections import Counter
from typing import Any

from bot.engine.client import EngineClient, EngineReply
from bot.engine.errors import EngineError
from bot.engine.lmdeploy.node_name import models_of, node_names
from bot.engine.photo_affinity import choose_server, photo_digest
from configs.serving import EngineSettings

log = logging.getLogger(__name__)

REFRESH_S = 30.0
"""Between two queries for the servers' names. A server that is new or gone is noticed by then."""


class ProxiedNodes:
    """The backend of one model at an address. Close it at the end."""

    def __init__(self, settings: EngineSettings, *, ngram: bool = True) -> None:
        self._settings, self._ngram = settings, ngram
        self._any = EngineClient(settings, ngram=ngram)
        self._nodes: dict[str, EngineClient] = {}
        self._outstanding = Counter[str]()
        self._gone: set[str] = set()
        self._refreshed_at = float("-inf")

    async def models(self) -> list[str]:
        """The names of the models that the address lists. Raises EngineError."""
        return models_of(await self._any.models())

    async def ready(self) -> bool:
        """As EngineClient.ready."""
        return await self._any.ready()

    async def ask(self, **question: Any) -> EngineReply:
        """As EngineClient.ask."""
        await self._refresh()
        usable = [name for name in self._nodes if name not in self._gone]
        if usable and len(self._nodes) > 1:
            node = choose_server(photo_digest(question["photo"]), {name: self._outstanding[name] for name in usable})
            self._outstanding[node] += 1
            try:
                return await self._nodes[node].ask(**question)
            except EngineError as error:
                if not (error.retryable or error.status == 404):
                    raise
                self._gone.add(node)
                log.info("%s failed, and the proxy chooses a server: %s", node, error)
            finally:
                self._outstanding[node] -= 1
        return await self._any.ask(**question)

    async def close(self) -> None:
        """Close the connections."""
        for client in (self._any, *self._nodes.values()):
            await client.close()

    async def _refresh(self) -> None:
        """Ask for the servers' names if that is due. If the address doesn't answer, the known ones stay."""
        if time.monotonic() - self._refreshed_at < REFRESH_S:
            return
        self._refreshed_at = time.monotonic()
        try:
            names = await self._any.models()
        except EngineError:
            return
        model = self._settings.model or next(iter(models_of(names)), "")
        for name in node_names(names, model):
            if name not in self._nodes:
                one = self._settings.model_copy(update={"model": name, "attempts": 1})
                self._nodes[name] = EngineClient(one, ngram=self._ngram)
        self._gone = set(self._nodes) - set(names)
