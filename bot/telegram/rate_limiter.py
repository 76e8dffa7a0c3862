"""Telegram's rate limits. Every call to Telegram except getUpdates passes here.

Telegram allows about 30 messages a second in all chats, one a second in a chat, 20 a minute in a group
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this); edits and chat actions count too.
Calls that have to wait go by priority; best-effort calls are dropped instead. A 429 blocks its chat for the time it
states.
"""

import asyncio
import heapq
import itertools
import logging
import os
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from enum import IntEnum
from typing import Any

from telegram.error import BadRequest, NetworkError, RetryAfter
from telegram.ext import BaseRateLimiter

from bot.runtime.backoff import backoff
from bot.telegram.send_journal import JournalEntry, MessageNotRecorded, next_entry
from bot.telegram.send_window import SendWindow
from configs.settings import LimitSettings

log = logging.getLogger(__name__)

RETRY_TIMEOUT_S = 600.0
"""How long a call is retried after 429s and network errors."""
CALLBACK_TIMEOUT_S = 15.0
"""The same for answers to button presses, which Telegram refuses later."""
MAX_WAITING_REPLIES = 20
"""Waiting calls of priority NORMAL in a chat; further ones are dropped."""
MARGIN_S = 0.02
"""Added to each period, because calls take different times to arrive."""
MAX_TRACKED_CHATS = 1024

# makes python-telegram-bot return durations as timedelta, without a deprecation warning
os.environ.setdefault("PTB_TIMEDELTA", "1")

Call = Callable[..., Coroutine[Any, Any, Any]]


class Priority(IntEnum):
    """Priority of a call, passed as `rate_limit_args`; the default is NORMAL. python-telegram-bot drops a 0."""

    ESSENTIAL = 1
    """Jokes and their buttons. Never dropped."""
    NORMAL = 2
    """Other messages."""
    BEST_EFFORT = 3
    """Chat actions, queue positions, partial jokes. Dropped if they would have to wait."""


class CallDropped(Exception):
    """A call was dropped because of the rate limits."""


class RateWindow:
    """Admits at most `calls` in any `period_s`, one at a time, by priority and then by order of arrival."""

    def __init__(
        self,
        per_s: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        *,
        window_s: float = 1.0,
    ) -> None:
        self.calls = max(1, int(per_s * window_s))
        self.period_s = self.calls / per_s + MARGIN_S
        self._clock, self._sleep = clock, sleep
        self._passed: deque[float] = deque()
        self._closed_until = 0.0
        self._held = False
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return not self._held and not self._waiting and self.delay() == 0 and not self._passed

    def delay(self) -> float:
        """Seconds until the next call may pass; 0 if it may now."""
        now = self._clock()
        while self._passed and self._passed[0] + self.period_s <= now:
            self._passed.popleft()
        full = self._passed[0] + self.period_s - now if len(self._passed) >= self.calls else 0.0
        return max(0.0, full, self._closed_until - now)

    def open(self) -> bool:
        """Whether `acquire` would return without waiting."""
        return not self._held and not self._waiting and self.delay() == 0

    def waiting(self, priority: Priority) -> int:
        """The number of waiting calls of a priority."""
        return sum(waiting == priority and not turn.done() for waiting, _, turn in self._waiting)

    def block_for(self, seconds: float) -> None:
        """Admit no call for that long."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    async def acquire(self, priority: Priority) -> None:
        """Wait for a turn. Call `release` afterwards; no other call passes until then."""
        if self.open():
            self._held = True
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), turn))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(passed=False)
            raise

    def release(self, *, passed: bool = True) -> None:
        """End a turn. It counts towards the limit if the call `passed`."""
        self._held = False
        if passed:
            self._passed.append(self._clock())
        self._admit()

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _admit(self) -> None:
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        if self._held or not self._waiting or self._timer:
            return
        if delay := self.delay():
            self._timer = asyncio.create_task(self._admit_after(delay))
            return
        self._held = True
        heapq.heappop(self._waiting)[2].set_result(None)

    async def _admit_after(self, delay: float) -> None:
        await self._sleep(delay)
        self._timer = None
        self._admit()


class RateLimiter(BaseRateLimiter[Priority]):
    """The rate limiter of python-telegram-bot's client.

    Calls without a chat (getFile, answerCallbackQuery, …) aren't limited. Network errors and 5xx are retried as a 429
    is, because a repeated message is better than a lost one.
    """

    def __init__(
        self,
        limits: LimitSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits, self._clock, self._sleep = limits, clock, sleep
        self._all = RateWindow(limits.messages_per_s, clock, sleep)
        self._window = SendWindow(limits.concurrent_sends)
        self._chats: dict[int, RateWindow] = {}
        self._sweep_at = MAX_TRACKED_CHATS

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Cancel the timers of waiting calls."""
        for window in (self._all, *self._chats.values()):
            window.stop()

    async def process_request(
        self,
        callback: Call,
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Priority | None,
    ) -> Any:
        """Make the call when the limits of its chat and of the bot allow it.

        Raises CallDropped for a best-effort call that would have to wait or fails, and for a normal one where
        MAX_WAITING_REPLIES wait; TelegramError for a call that Telegram refuses or that doesn't succeed within
        RETRY_TIMEOUT_S. A message that an earlier process has sent (bot/telegram/send_journal.py) is not sent again.
        """
        priority = Priority.NORMAL if rate_limit_args is None else rate_limit_args
        timeout_s = CALLBACK_TIMEOUT_S if endpoint == "answerCallbackQuery" else RETRY_TIMEOUT_S
        chat_id = None if endpoint.startswith("get") else data.get("chat_id")
        deadline, pauses = self._clock() + timeout_s, None
        sends = creates_message(endpoint)
        entry = next_entry() if sends else None
        if entry and entry.message_id is not None:
            return entry.response(data["chat_id"])
        while True:
            try:
                response = await self._attempt(callback, args, kwargs, chat_id, priority, entry, sends=sends)
                log.debug("%s is done%s", endpoint, "" if chat_id is None else f", chat {chat_id}")
                return response
            except BadRequest:
                raise
            except (RetryAfter, NetworkError) as error:
                pauses = pauses or backoff()
                pause = self._pause_after(error, chat_id, pauses)
                if priority is Priority.BEST_EFFORT:
                    raise CallDropped(endpoint) from error
                if self._clock() + pause > deadline:
                    raise
                log.warning("%s: %s; trying again in %.1f s", endpoint, error, pause)
                if chat_id is None or not isinstance(error, RetryAfter):
                    await self._sleep(pause)

    def _pause_after(self, error: RetryAfter | NetworkError, chat_id: int | None, pauses: Iterator[float]) -> float:
        """Seconds until the next try; a 429 also blocks its chat for that long."""
        if not isinstance(error, RetryAfter):
            return next(pauses)
        pause = retry_after_seconds(error)
        if chat_id is not None:
            self._chat(chat_id).block_for(pause)
        return pause

    async def _attempt(
        self,
        callback: Call,
        args: Any,
        kwargs: dict[str, Any],
        chat_id: int | None,
        priority: Priority,
        entry: JournalEntry | None,
        *,
        sends: bool,
    ) -> Any:
        """Make the call once, and record the message that it `sends` before the next. Raises MessageNotRecorded."""
        if not sends:
            await self._admit(chat_id, priority)
            return await callback(*args, **kwargs)
        await self._admit(chat_id, priority, self._window)
        try:
            sent = await callback(*args, **kwargs)
            if entry:
                await entry.note(sent["message_id"])
            return sent
        except sqlite3.OperationalError as error:
            raise MessageNotRecorded(sent["message_id"], error) from error
        finally:
            self._window.release()

    async def _admit(self, chat_id: int | None, priority: Priority, window: SendWindow | None = None) -> None:
        """Wait for the chat's limit, then for a slot to send, then for the limit of the bot."""
        if chat_id is None:
            return
        chat = self._chat(chat_id)
        if priority is Priority.BEST_EFFORT and not (
            chat.open() and self._all.open() and (window is None or window.open())
        ):
            raise CallDropped("over the rate limit")
        if priority is Priority.NORMAL and chat.waiting(Priority.NORMAL) >= MAX_WAITING_REPLIES:
            raise CallDropped("too many replies wait in the chat")
        await chat.acquire(priority)
        has_slot = passed = False
        try:
            if window:
                await window.acquire(priority)
                has_slot = True
            # The holder of a slot goes first, because it blocks the others that want to send.
            await self._all.acquire(Priority.ESSENTIAL if window else priority)
            self._all.release()
            passed = True
        finally:
            chat.release(passed=passed)
            if window and has_slot and not passed:
                window.release()

    def _chat(self, chat_id: int) -> RateWindow:
        if len(self._chats) >= self._sweep_at:
            self._chats = {known_id: window for known_id, window in self._chats.items() if not window.idle}
            self._sweep_at = max(MAX_TRACKED_CHATS, 2 * len(self._chats))
        if chat_id not in self._chats:
            group = chat_id < 0
            rate = self._limits.group_messages_per_min / 60 if group else self._limits.chat_messages_per_s
            self._chats[chat_id] = RateWindow(rate, self._clock, self._sleep, window_s=60.0 if group else 1.0)
        return self._chats[chat_id]


def creates_message(endpoint: str) -> bool:
    """Whether a call creates a message, so that repeating it would create a second one."""
    return endpoint.startswith("send") and endpoint != "sendChatAction"


def retry_after_seconds(error: RetryAfter) -> float:
    """How long to wait after a 429, in seconds."""
    wait = error.retry_after
    return float(wait if isinstance(wait, int | float) else wait.total_seconds())
