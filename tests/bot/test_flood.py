"""Floods of photos and of 429s: each user is served, all jokes arrive, and no chat delays another."""

import asyncio
import time
from contextlib import suppress
from functools import partial

from bot.engine.fair_queue import FairQueue
from bot.engine.stub.engine import StubReply
from bot.handlers import streaming_reply
from bot.telegram import client
from bot.telegram.rate_limiter import RateLimiter


async def test_one_persons_flood_is_answered_up_to_the_limit_and_the_rest_is_set_aside_with_one_message(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), limits={"max_queued_photos_per_user": 3})
    photos = [stage.send_photo() for _ in range(12)]
    notice = stage.words("queue-mine-aside", limit=3, aside=9)
    await stage.world.wait_for(
        lambda world: any(message.get("text") == notice for message in world.messages(stage.alice)), 60
    )
    other = stage.send_photo(person=stage.bob)
    gate.set()
    await stage.joke(other)
    await stage.quiet()
    answers = [answer for photo in photos for answer in stage.answers(photo)]
    assert sum("reply_markup" in answer for answer in answers) == 3
    assert len(answers) == 4


async def test_more_photos_than_fit_are_all_answered(stage_with):
    stage = await stage_with(limits={"concurrent_updates": 1, "max_queued_photos": 2})
    users = [stage.world.add_user(f"User {number}").id for number in range(15)]
    photos = [stage.send_photo(person=user) for user in users for _ in range(2)]
    for photo in photos:
        await stage.joke(photo)
    await stage.quiet()
    assert [len(stage.answers(photo)) for photo in photos] == [1] * 30


async def test_everybody_waiting_is_told_so_when_the_line_is_full(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), engine={"in_flight": 1}, limits={"max_queued_photos": 1})
    stage.send_photo()
    await stage.until(lambda: stage.engine.in_flight == 1)
    stage.send_photo(person=stage.bob)
    await stage.until(lambda: stage.part(FairQueue).waiting == 1)
    late = stage.send_photo(person=stage.ming)
    assert (await stage.answer(late))["text"] == stage.words("queue-full", "zh")
    gate.set()


class Clock:
    """A clock that can be moved forward, which wakes its sleepers."""

    def __init__(self) -> None:
        self.forward_s, self.moved = 0.0, asyncio.Event()

    def now(self) -> float:
        return time.monotonic() + self.forward_s

    async def sleep(self, seconds: float) -> None:
        ends = self.now() + seconds
        while (left := ends - self.now()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.moved.wait(), left)

    def put_forward(self, seconds: float) -> None:
        self.forward_s += seconds
        self.moved.set()
        self.moved = asyncio.Event()


async def test_a_429_delays_one_joke_and_no_other(stage_with, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(client, "RateLimiter", partial(RateLimiter, clock=clock.now, sleep=clock.sleep))
    stage = await stage_with()
    stage.sandbox.faults.add("sendMessage", "429", retry_after=300)
    delayed = stage.send_photo()
    await stage.world.wait_for(lambda _: stage.calls("sendMessage"), 60)
    await stage.joke(stage.send_photo(person=stage.bob))
    assert not stage.answers(delayed)
    clock.put_forward(301)
    await stage.joke(delayed)
    await stage.quiet()
    assert len(stage.answers(delayed)) == 1


async def test_a_429_on_edits_loses_no_joke(stage_with):
    stage = await stage_with(
        StubReply(text="one two three four five six seven eight", token_s=0.3), limits={"edit_interval_s": 0.3}
    )
    stage.sandbox.faults.add("editMessageText", "429", retry_after=1, times=3)
    photo = stage.send_photo()
    joke = await stage.joke(photo)
    await stage.quiet()
    assert joke["text"] == stage.engine.answer.text
    assert len(stage.answers(photo)) == 1


async def test_a_429_on_buttons_loses_no_rating(stage):
    joke = await stage.joke(stage.send_photo())
    stage.sandbox.faults.add("editMessageReplyMarkup", "429", retry_after=1, times=2)
    stage.sandbox.faults.add("answerCallbackQuery", "429", retry_after=1)
    assert await stage.press(joke, 1) == stage.words("rated", emoji="🙂")
    await stage.shows(joke, "😂", "🙂 1", "😐", "🔁")


async def test_files_that_break_off_are_fetched_again(stage):
    stage.sandbox.faults.add("getFile", "500")
    stage.sandbox.faults.add("download", "cut")
    stage.sandbox.faults.add("download", "cut_after")
    await stage.joke(stage.send_photo())
    assert len(stage.calls("download")) == 3


async def test_a_joke_whose_sending_was_cut_is_sent_again(stage):
    stage.sandbox.faults.add("sendMessage", "cut")
    stage.sandbox.faults.add("sendMessage", "502")
    photo = stage.send_photo()
    await stage.joke(photo)
    await stage.quiet()
    assert len(stage.answers(photo)) == 1


async def test_an_answer_that_got_lost_after_an_edit_is_no_failure(stage_with):
    stage = await stage_with(
        StubReply(text="one two three four five six", token_s=0.3), limits={"edit_interval_s": 0.2}
    )
    photo = stage.send_photo()
    await stage.answer(photo)
    stage.sandbox.faults.add("editMessageText", "cut_after", times=None)
    await stage.joke(photo)
    stage.sandbox.faults.clear()
    await stage.quiet()
    assert len(stage.answers(photo)) == 1
    assert await stage.value("SELECT count(*) FROM deliveries") == 1


async def test_a_long_429_on_typing_costs_no_joke_and_is_not_tried_again(stage_with, monkeypatch):
    monkeypatch.setattr(streaming_reply, "TYPING_AFTER_S", 0.0)
    monkeypatch.setattr(streaming_reply, "TYPING_LASTS_S", 0.1)
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate))
    stage.sandbox.faults.add("sendChatAction", "429", retry_after=3600)
    photo = stage.send_photo()
    await stage.world.wait_for(lambda _: stage.calls("sendChatAction"), 60)
    for _ in range(3):
        await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/help"))
    assert len(stage.calls("sendChatAction")) == 1
    stage.app.client.rate_limiter._chats.clear()  # an hour later
    gate.set()
    await stage.joke(photo)


async def test_a_long_429_on_a_callback_loses_no_rating_and_no_other_button(stage):
    joke, other = await stage.joke(stage.send_photo()), await stage.joke(stage.send_photo(person=stage.bob))
    stage.sandbox.faults.add("answerCallbackQuery", "429", retry_after=3600)
    stage.world.press(
        stage.alice,
        joke["chat"]["id"],
        joke["message_id"],
        joke["reply_markup"]["inline_keyboard"][0][0]["callback_data"],
    )
    await stage.shows(joke, "😂 1", "🙂", "😐", "🔁")
    assert await stage.press(other, 1, person=stage.bob) == stage.words("rated", emoji="🙂")
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM ratings") == 2
