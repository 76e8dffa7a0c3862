"""Long polling: updates reach the inbox before the offset that lets Telegram forget them moves."""

import asyncio
import logging
import sqlite3
import time
from typing import Any

from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.runtime.backoff import backoff
from bot.telegram.client import TelegramClient
from bot.telegram.dispatcher import UpdateDispatcher
from bot.telegram.rate_limiter import retry_after_seconds
from configs.errors import JokebotError
from storage.chat import inbox
from storage.database import Database

log = logging.getLogger(__name__)

NEWCOMER_CONFLICTS, SETTLED_CONFLICTS = 3, 8
"""409s in a row until a poller gives way to another one. The one that came last gives way first; and a single 409 may
come from a connection of a killed process that Telegram still believes in."""
CONFLICT_PAUSE_S = 1.0
STORE_PAUSE_S = 5.0


class PollingConflict(JokebotError):
    """Another process fetches this bot's updates."""


class TokenRejected(JokebotError):
    """Telegram doesn't take the bot's token (any more)."""


class UpdatePoller:
    """Fetches updates for as long as `run` runs; `polled` is set once Telegram has answered."""

    def __init__(self, bot: TelegramClient, database: Database, updates: UpdateDispatcher, timeout_s: int) -> None:
        self._bot, self._database, self._updates, self._timeout_s = bot, database, updates, timeout_s
        self._conflicts, self._settled, self._heard_at = 0, False, 0.0

    async def run(self) -> None:
        """Raises PollingConflict, or TokenRejected; goes on through everything else."""
        offset, pauses, away = await inbox.next_offset(self._database), backoff(), False
        while True:
            try:
                updates = await self._bot.raw_updates(offset, self._timeout_s)
            except TelegramError as error:
                if not away and not isinstance(error, Conflict):
                    log.warning("Telegram can't be reached (%s); trying on", error)
                    away = True
                await asyncio.sleep(await self._pause_after(error, next(pauses)))
                continue
            if away:
                log.warning("Telegram is back")
            pauses, away, self._conflicts, self._settled = backoff(), False, 0, True
            offset = await self._pass_on(updates, offset)

    async def _pass_on(self, updates: list[dict[str, Any]], offset: int) -> int:
        """The next offset; the old one where the updates could not be stored, so that Telegram sends them again."""
        if updates:
            try:
                await self._updates.receive(updates)
            except sqlite3.Error as error:
                log.error("updates can't be stored (%s); they stay with Telegram", error)
                await asyncio.sleep(STORE_PAUSE_S)
                return offset
            self._heard_at = time.monotonic()
            return updates[-1]["update_id"] + 1
        if self._heard_at and time.monotonic() - self._heard_at > inbox.OFFSET_LIFETIME_S:
            return 0
        return offset

    async def _pause_after(self, error: TelegramError, pause: float) -> float:
        """How long to wait before the next try. Raises where there is no use in trying."""
        if isinstance(error, RetryAfter):
            return retry_after_seconds(error)
        if isinstance(error, InvalidToken):
            raise token_refused() from None
        if not isinstance(error, Conflict):
            return pause if isinstance(error, NetworkError) else max(pause, CONFLICT_PAUSE_S)
        if "webhook" in str(error).lower():
            log.warning("a webhook was set for this bot; it is removed, because the settings say polling")
            await self._bot.delete_webhook()
            return 0.0
        self._conflicts += 1
        if self._conflicts >= (SETTLED_CONFLICTS if self._settled else NEWCOMER_CONFLICTS):
            raise PollingConflict(
                "Another process fetches this bot's updates, and Telegram allows one. Stop the other one, "
                "or give this one a bot of its own (JOKEBOT_TELEGRAM_TOKEN)."
            ) from None
        return CONFLICT_PAUSE_S


def token_refused() -> TokenRejected:
    return TokenRejected("Telegram refuses the bot's token. Copy it again from @BotFather into JOKEBOT_TELEGRAM_TOKEN.")
