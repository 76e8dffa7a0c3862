"""Telegram's limits are kept, what matters goes first, and a 429 stops nobody but the chat it came from."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable
from typing import Any

import pytest
from telegram.error import BadRequest, NetworkError, RetryAfter

from bot.telegram.rate_limiter import (
    CALLBACK_TIMEOUT_S,
    MAX_TRACKED_CHATS,
    MAX_WAITING_REPLIES,
    CallDropped,
    Priority,
    RateLimiter,
)
from configs.settings import LimitSettings

ALICE, BOB, GROUP = 1, 2, -100


class Time:
    """A clock that moves when it is told to, and sleepers that wake then."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self.numbers = itertools.count()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (self.now + seconds, next(self.numbers), future))
        await future

    async def pass_by(self, seconds: float) -> None:
        end = self.now + seconds
        await settle()
        while self.sleepers and self.sleepers[0][0] <= end:
            self.now, _, future = heapq.heappop(self.sleepers)
            if not future.done():
                future.set_result(None)
            await settle()
        self.now = end


async def settle() -> None:
    for _ in range(300):
        await asyncio.sleep(0)


class Telegram:
    """Takes calls and notes when; `answers` are raised or returned first, by chat."""

    def __init__(self, **limits: float) -> None:
        self.time = Time()
        self.outgoing = RateLimiter(LimitSettings(**limits), clock=self.time.clock, sleep=self.time.sleep)
        self.taken: list[tuple[float, int | None, str]] = []
        self.refusals: dict[int | None, list[Exception]] = {}
        self.tasks: list[asyncio.Task[Any]] = []

    def send(
        self, chat: int | None, name: str = "", priority: Priority | None = None, endpoint: str = "sendMessage"
    ) -> asyncio.Task[Any]:
        async def call() -> str:
            self.taken.append((round(self.time.now, 2), chat, name))
            if refusals := self.refusals.get(chat):
                raise refusals.pop(0)
            return name

        data = {} if chat is None else {"chat_id": chat}
        return self.start(self.outgoing.process_request(call, (), {}, endpoint, data, priority))

    def start(self, request: Awaitable[Any]) -> asyncio.Task[Any]:
        self.tasks.append(asyncio.ensure_future(request))
        return self.tasks[-1]

    def times(self, chat: int | None = ALICE) -> list[float]:
        return [at for at, to, _ in self.taken if to == chat]

    def names(self) -> list[str]:
        return [name for _, _, name in self.taken]


async def test_a_private_chat_gets_one_message_a_second():
    telegram = Telegram()
    for _ in range(4):
        telegram.send(ALICE)
    await telegram.time.pass_by(10)
    times = telegram.times()
    assert len(times) == 4
    assert all(1.0 <= later - earlier < 1.2 for earlier, later in itertools.pairwise(times))


async def test_a_group_gets_twenty_messages_in_any_minute():
    telegram = Telegram()
    for _ in range(45):
        telegram.send(GROUP, priority=Priority.ESSENTIAL)
    await telegram.time.pass_by(200)
    times = telegram.times(GROUP)
    assert len(times) == 45
    assert times[19] == 0.0
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[20:], strict=False))
    assert times[-1] < 130


async def test_all_chats_together_get_thirty_messages_in_any_second():
    telegram = Telegram()
    for chat in range(1, 101):
        telegram.send(chat)
    await telegram.time.pass_by(10)
    times = sorted(at for at, _, _ in telegram.taken)
    assert len(times) == 100
    assert all(later - earlier >= 1.0 for earlier, later in zip(times, times[30:], strict=False))
    assert times[-1] < 4


async def test_two_messages_of_one_chat_stay_apart_while_all_chats_wait():
    telegram = Telegram(messages_per_s=1)
    for chat in (BOB, 3, 4, ALICE, ALICE):
        telegram.send(chat)
    await telegram.time.pass_by(20)
    first, second = telegram.times()
    assert second - first >= 1.0


async def test_jokes_go_before_answers():
    telegram = Telegram()
    telegram.send(ALICE, "first")
    await settle()
    telegram.send(ALICE, "answer")
    telegram.send(ALICE, "joke", Priority.ESSENTIAL)
    await telegram.time.pass_by(10)
    assert telegram.names() == ["first", "joke", "answer"]


async def test_decoration_is_dropped_instead_of_waiting():
    telegram = Telegram()
    await telegram.send(ALICE, "shown", Priority.BEST_EFFORT)
    with pytest.raises(CallDropped):
        await telegram.send(ALICE, "dropped", Priority.BEST_EFFORT)
    telegram.send(ALICE, "joke", Priority.ESSENTIAL)
    await telegram.time.pass_by(1.1)
    assert telegram.names() == ["shown", "joke"]


async def test_answers_to_somebody_who_asks_without_end_are_dropped_and_jokes_are_not():
    telegram = Telegram()
    answers = [telegram.send(ALICE) for _ in range(MAX_WAITING_REPLIES + 6)]
    jokes = [telegram.send(ALICE, priority=Priority.ESSENTIAL) for _ in range(30)]
    await telegram.time.pass_by(100)
    assert sum(isinstance(task.exception(), CallDropped) for task in answers) == 5
    assert all(task.exception() is None for task in jokes)


async def test_a_429_closes_its_chat_for_as_long_as_it_says_and_no_other():
    telegram = Telegram()
    telegram.refusals[ALICE] = [RetryAfter(40)]
    joke = telegram.send(ALICE, "joke", Priority.ESSENTIAL)
    await settle()
    for _ in range(3):
        telegram.send(BOB)
    with pytest.raises(CallDropped):
        await telegram.send(ALICE, "decoration", Priority.BEST_EFFORT)
    await telegram.time.pass_by(39)
    assert telegram.times(BOB) == pytest.approx([0, 1.02, 2.04], abs=0.01)
    assert not joke.done()
    await telegram.time.pass_by(2)
    assert joke.result() == "joke"
    assert telegram.times() == [0.0, 40.0]


async def test_a_429_on_decoration_drops_it():
    telegram = Telegram()
    telegram.refusals[ALICE] = [RetryAfter(5)]
    with pytest.raises(CallDropped):
        await telegram.send(ALICE, priority=Priority.BEST_EFFORT)


async def test_a_429_that_asks_for_too_much_is_raised():
    telegram = Telegram()
    telegram.refusals[ALICE] = [RetryAfter(3600)]
    with pytest.raises(RetryAfter):
        await telegram.send(ALICE, priority=Priority.ESSENTIAL)


async def test_calls_without_a_chat_never_wait_for_budget():
    telegram = Telegram(messages_per_s=1)
    for _ in range(50):
        telegram.send(None, endpoint="answerCallbackQuery")
    await settle()
    assert telegram.times(None) == [0.0] * 50


async def test_a_button_is_answered_soon_or_not_at_all():
    telegram = Telegram()
    telegram.refusals[None] = [RetryAfter(2)]
    answer = telegram.send(None, "answered", endpoint="answerCallbackQuery")
    await telegram.time.pass_by(3)
    assert answer.result() == "answered"
    telegram.refusals[None] = [RetryAfter(int(CALLBACK_TIMEOUT_S) + 1)]
    with pytest.raises(RetryAfter):
        await telegram.send(None, endpoint="answerCallbackQuery")


async def test_lost_connections_are_tried_again_with_growing_pauses():
    telegram = Telegram(chat_messages_per_s=1000)
    telegram.refusals[ALICE] = [NetworkError("cut")] * 4
    joke = telegram.send(ALICE, "joke", Priority.ESSENTIAL)
    await telegram.time.pass_by(60)
    assert joke.result() == "joke"
    pauses = [later - earlier for earlier, later in itertools.pairwise(telegram.times())]
    assert all(later > earlier for earlier, later in itertools.pairwise(pauses))


async def test_what_telegram_refuses_is_not_tried_again():
    telegram = Telegram()
    telegram.refusals[ALICE] = [BadRequest("chat not found")]
    with pytest.raises(BadRequest):
        await telegram.send(ALICE)
    assert len(telegram.taken) == 1


async def test_who_stops_waiting_leaves_the_way_free():
    telegram = Telegram()
    telegram.send(ALICE, "first")
    waiting = telegram.send(ALICE, "given up")
    telegram.send(ALICE, "second")
    await settle()
    waiting.cancel()
    await telegram.time.pass_by(5)
    assert telegram.names() == ["first", "second"]


async def test_chats_that_have_gone_quiet_are_forgotten():
    telegram = Telegram(messages_per_s=1_000_000)
    for chat in range(1, 3 * MAX_TRACKED_CHATS):
        await telegram.send(chat)
        telegram.time.now += 0.01
    assert len(telegram.outgoing._chats) <= MAX_TRACKED_CHATS
