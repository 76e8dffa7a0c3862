"""Telegram's rate limits, in one place: every call to Telegram passes here.

Nothing promises more than: about 30 messages a second over all chats, one a second in a chat, 20 a minute in a group
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this); edits and chat actions count as well.
What has to wait goes by priority. What is only decoration is dropped instead of waiting. A 429 closes the one chat it
came from, for as long as it says.
"""

import asyncio
import heapq
import itertools
import logging
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from enum import IntEnum
from typing import Any

from telegram.error import BadRequest, NetworkError, RetryAfter
from telegram.ext import BaseRateLimiter

from bot.runtime.backoff import backoff
from bot.telegram.send_journal import JournalEntry, next_entry
from bot.telegram.send_window import SendWindow
from configs.settings import LimitSettings

log = logging.getLogger(__name__)

RETRY_TIMEOUT_S = 600.0
"""How long a call is tried again through 429s and lost connections."""
CALLBACK_TIMEOUT_S = 15.0
"""The same for the answer to a pressed button; Telegram takes none later."""
MAX_WAITING_REPLIES = 20
"""Answers that may wait in one chat; a person who asks faster than that gets no further ones."""
MARGIN_S = 0.02
"""Added to each period, because calls don't all take the same time to arrive."""
MAX_TRACKED_CHATS = 1024

# python-telegram-bot then gives times as timedelta, and doesn't warn that it soon will
os.environ.setdefault("PTB_TIMEDELTA", "1")

Call = Callable[..., Coroutine[Any, Any, Any]]


class Priority(IntEnum):
    """What a call is worth; given as `rate_limit_args`, ANSWER where nothing is given. python-telegram-bot would
    drop a 0.
    """

    ESSENTIAL = 1
    """Jokes and their buttons: always arrive."""
    NORMAL = 2
    """Everything else that is said."""
    BEST_EFFORT = 3
    """Chat actions, places in the queue, half-written jokes: now or never."""


class CallDropped(Exception):
    """A call was dropped: there was no budget for it and it wasn't important."""


class RateWindow:
    """Lets through at most `calls` in any `period_s`, one after the other, by priority and then by order of arrival."""

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
        """Seconds until the next call may pass, 0 for now."""
        now = self._clock()
        while self._passed and self._passed[0] + self.period_s <= now:
            self._passed.popleft()
        full = self._passed[0] + self.period_s - now if len(self._passed) >= self.calls else 0.0
        return max(0.0, full, self._closed_until - now)

    def open(self) -> bool:
        """Whether a call could pass now without waiting."""
        return not self._held and not self._waiting and self.delay() == 0

    def waiting(self, priority: Priority) -> int:
        """How many of that priority wait."""
        return sum(one == priority and not turn.done() for one, _, turn in self._waiting)

    def block_for(self, seconds: float) -> None:
        """Let nothing through for that long."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    async def acquire(self, priority: Priority) -> None:
        """Wait for a turn. `release` has to follow, and nobody else passes until then."""
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
        """End a turn; it counts if the call `passed`."""
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
    """The rate limiter that python-telegram-bot passes every call through, except getUpdates.

    Calls that say nothing in a chat (getFile, getChatMember, answerCallbackQuery, …) have no budget and don't wait. A
    lost connection and a 5xx are tried again as a 429 is, since an answer that is repeated is better than one that is
    lost.
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
        """Forget who waits."""
        for gate in (self._all, *self._chats.values()):
            gate.stop()

    async def process_request(
        self,
        callback: Call,
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Priority | None,
    ) -> Any:
        """Make the call when its chat and the whole bot have budget for it.

        Raises CallDropped for a cosmetic call that would have to wait or fails, and for an answer where too many wait
        already; TelegramError for a call that Telegram refuses or that doesn't succeed within PATIENCE_S. A message
        that an earlier process has sent (bot/telegram/send_journal.py) is not sent again.
        """
        priority = Priority.NORMAL if rate_limit_args is None else rate_limit_args
        patience = CALLBACK_TIMEOUT_S if endpoint == "answerCallbackQuery" else RETRY_TIMEOUT_S
        chat_id = None if endpoint.startswith("get") else data.get("chat_id")
        deadline, pauses = self._clock() + patience, None
        sends = creates_message(endpoint)
        slot = next_entry() if sends else None
        if slot and slot.message_id is not None:
            return slot.answer(chat_id)
        while True:
            try:
                answered = await self._attempt(callback, args, kwargs, chat_id, priority, slot, sends=sends)
                log.debug("%s is done%s", endpoint, "" if chat_id is None else f", chat {chat_id}")
                return answered
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
        """Seconds until the next try; a 429 blocks its chat for as long."""
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
        slot: JournalEntry | None,
        *,
        sends: bool,
    ) -> Any:
        """Make the call once; a message that it `sends` is written down before the next one may go."""
        if not sends:
            await self._admit(chat_id, priority)
            return await callback(*args, **kwargs)
        await self._admit(chat_id, priority, self._window)
        try:
            sent = await callback(*args, **kwargs)
            if slot:
                await slot.note(sent["message_id"])
            return sent
        finally:
            self._window.release()

    async def _admit(self, chat_id: int | None, priority: Priority, window: SendWindow | None = None) -> None:
        """Wait for the chat's budget, then for a place in the window, then for the whole bot's budget."""
        if chat_id is None:
            return
        chat = self._chat(chat_id)
        if priority is Priority.BEST_EFFORT and not (
            chat.open() and self._all.open() and (window is None or window.open())
        ):
            raise CallDropped("no budget")
        if priority is Priority.NORMAL and chat.waiting(Priority.NORMAL) >= MAX_WAITING_REPLIES:
            raise CallDropped("too many answers wait")
        await chat.acquire(priority)
        entered = passed = False
        try:
            if window:
                await window.acquire(priority)
                entered = True
            await self._all.acquire(Priority.ESSENTIAL if window else priority)  # nobody else can send meanwhile
            self._all.release()
            passed = True
        finally:
            chat.release(passed=passed)
            if window and entered and not passed:
                window.release()

    def _chat(self, chat_id: int) -> RateWindow:
        if len(self._chats) >= self._sweep_at:
            self._chats = {one: gate for one, gate in self._chats.items() if not gate.idle}
            self._sweep_at = max(MAX_TRACKED_CHATS, 2 * len(self._chats))
        if chat_id not in self._chats:
            group = chat_id < 0
            rate = self._limits.group_messages_per_min / 60 if group else self._limits.chat_messages_per_s
            self._chats[chat_id] = RateWindow(rate, self._clock, self._sleep, window_s=60.0 if group else 1.0)
        return self._chats[chat_id]


def creates_message(endpoint: str) -> bool:
    """Whether a call, made twice, makes two messages."""
    return endpoint.startswith("send") and endpoint != "sendChatAction"


def retry_after_seconds(error: RetryAfter) -> float:
    """How long a 429 asks to wait."""
    wait = error.retry_after
    return float(wait if isinstance(wait, int | float) else wait.total_seconds())
