"""Asks models for texts that may be shown: with the block list, and with the champion in place of a failed model."""

import logging
from typing import Any

from bot.engine.client import EngineError, EngineReply, OnText
from bot.engine.router import Router, ServedModel
from configs.blocklist import BlockList
from configs.errors import JokebotError
from configs.safety import SafetySettings

log = logging.getLogger(__name__)


class JokeBlocked(JokebotError):
    """Every joke made for a photo matches the block list."""


class ReplyWriter:
    """Asks the models of a router. Questions are the parameters of EngineClient.ask."""

    def __init__(self, router: Router, safety: SafetySettings) -> None:
        self.router = router
        self._blocked, self._attempts = BlockList.of(safety), safety.max_blocked_attempts

    def is_blocked(self, text: str, language: str) -> bool:
        """Whether a text matches the block list."""
        return self._blocked.hit(text, language) is not None

    async def write(
        self, served: ServedModel | None, key: int, language: str, on_text: OnText | None, **question: Any
    ) -> tuple[ServedModel, EngineReply]:
        """Ask `served`, or the router's choice for `key`, until a text doesn't match the block list.

        Raises EngineError, JokeBlocked.
        """
        if not self._blocked.entries:
            return await self._ask(served, key, on_text=on_text, **question)
        on_text = self.unblocked(on_text, language)
        for _ in range(self._attempts):
            served, reply = await self._ask(served, key, on_text=on_text, **question)
            entry = self._blocked.hit(reply.text, language)
            if entry is None:
                return served, reply
            log.info("a joke of model %s is blocked: it matches %r of the block list", served.model.name, entry)
        raise JokeBlocked(
            "Every joke made for this photo matches the block list (settings safety.blocked, safety.blocked_file)."
        )

    def unblocked(self, on_text: OnText | None, language: str) -> OnText | None:
        """`on_text` without the texts that match the block list."""
        if on_text is None or not self._blocked.entries:
            return on_text

        async def show_unblocked(text: str) -> None:
            if not self.is_blocked(text, language):
                await on_text(text)

        return show_unblocked

    async def _ask(self, served: ServedModel | None, key: int, **question: Any) -> tuple[ServedModel, EngineReply]:
        """Ask a model, and where that fails the router's fallback for it. Raises EngineError."""
        served = served or self.router.route(key)
        try:
            return served, await served.client.ask(**question)
        except EngineError as error:
            fallback = self.router.fallback_for(served)
            if fallback is None:
                raise
            log.warning("model %s failed, asking %s instead: %s", served.model.name, fallback.model.name, error)
        return fallback, await fallback.client.ask(**question)
