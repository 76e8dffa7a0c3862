"""Long polling: updates are committed to the inbox before the offset moves and Telegram drops them."""

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
from bot.telegram.update_check import known_id
from configs.errors import JokebotError
from storage.chat import inbox
from storage.database import Database

log = logging.getLogger(__name__)

NEWCOMER_CONFLICTS, SETTLED_CONFLICTS = 3, 8
"""Consecutive 409s until a poller stops; fewer for one that has never polled successfully, so the newcomer stops first.

A few 409s may come from the open connection of a killed process.
"""
CONFLICT_PAUSE_S = 1.0
STORE_PAUSE_S = 5.0


class PollingConflict(JokebotError):
    """Another process polls this bot's updates."""


class TokenRejected(JokebotError):
    """Telegram rejects the bot's token."""


class QuietPeriod:
    """The time without updates, over restarts too. `received_at`: of the last one, seconds since 1970, or None.

    The wall clock counts the time before this process and a suspended host; the monotonic clock can't be set back.
    """

    def __init__(self, received_at: float | None) -> None:
        self._wall_at = received_at if received_at is not None else time.time()
        self._monotonic_at = time.monotonic() - max(0.0, time.time() - self._wall_at)

    @property
    def seconds(self) -> float:
        return max(time.time() - self._wall_at, time.monotonic() - self._monotonic_at)


class UpdatePoller:
    """Polls Telegram and passes updates to the dispatcher.

    After `inbox.OFFSET_LIFETIME_S` without updates it asks from the beginning, because the next update may have a lower
    id than the last one.
    """

    def __init__(self, client: TelegramClient, database: Database, updates: UpdateDispatcher, timeout_s: int) -> None:
        self._client, self._database, self._updates, self._timeout_s = client, database, updates, timeout_s
        self._conflicts, self._has_polled, self._quiet = 0, False, QuietPeriod(None)

    async def run(self) -> None:
        """Poll until cancelled. Raises PollingConflict and TokenRejected; retries after every other error."""
        self._quiet = QuietPeriod(await inbox.last_received_at(self._database))
        offset, pauses, away = await inbox.next_offset(self._database), backoff(), False
        while True:
            try:
                updates = await self._client.raw_updates(offset, self._timeout_s)
            except TelegramError as error:
                if not away and not isinstance(error, Conflict):
                    log.warning("Telegram can't be reached (%s); retrying", error)
                    away = True
                await asyncio.sleep(await self._pause_after(error, next(pauses)))
                continue
            if away:
                log.warning("Telegram can be reached again")
            pauses, away, self._conflicts, self._has_polled = backoff(), False, 0, True
            offset = await self._store(updates, offset)

    async def _store(self, updates: list[dict[str, Any]], offset: int) -> int:
        """Store updates and return the next offset: the old one where storing failed, so Telegram sends them again."""
        if updates:
            try:
                await self._updates.receive(updates)
            except sqlite3.Error as error:
                log.error("updates can't be stored (%s); Telegram keeps them", error)
                await asyncio.sleep(STORE_PAUSE_S)
                return offset
            self._quiet = QuietPeriod(None)
            numbers = [number for update in updates if (number := known_id(update)) is not None]
            if numbers:
                return numbers[-1] + 1
            await asyncio.sleep(STORE_PAUSE_S)  # Telegram sends them again: nothing confirms updates without a number.
            return offset
        return 0 if self._quiet.seconds > inbox.OFFSET_LIFETIME_S else offset

    async def _pause_after(self, error: TelegramError, pause: float) -> float:
        """Seconds until the next try. Raises PollingConflict and TokenRejected."""
        if isinstance(error, RetryAfter):
            return retry_after_seconds(error)
        if isinstance(error, InvalidToken):
            raise token_refused() from None
        if not isinstance(error, Conflict):
            return pause if isinstance(error, NetworkError) else max(pause, CONFLICT_PAUSE_S)
        if "webhook" in str(error).lower():
            log.warning("this bot has a webhook; removing it, because the settings say polling")
            await self._client.delete_webhook()
            return 0.0
        self._conflicts += 1
        if self._conflicts >= (SETTLED_CONFLICTS if self._has_polled else NEWCOMER_CONFLICTS):
            raise PollingConflict(
                "Another process fetches this bot's updates, and Telegram allows one. Stop the other one, "
                "or give this one a bot of its own (JOKEBOT_TELEGRAM_TOKEN)."
            ) from None
        return CONFLICT_PAUSE_S


def token_refused() -> TokenRejected:
    return TokenRejected("Telegram refuses the bot's token. Copy it again from @BotFather into JOKEBOT_TELEGRAM_TOKEN.")
