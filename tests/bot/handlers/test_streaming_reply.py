"""What people see while they wait: their place, then the joke as it is written, then the joke, all in one message."""

import asyncio
import itertools
import time

import pytest

from bot.engine.fair_queue import FairQueue
from bot.engine.stub.engine import StubReply
from bot.telegram.http import AiohttpRequest

SLOW_WORDS = StubReply(text=" ".join(f"word{number}" for number in range(16)), token_s=0.2)


@pytest.fixture
def sent_at(monkeypatch) -> dict[str, list[float]]:
    """When the bot let its calls go, by method, seconds; when they arrive is the machine's affair."""
    times: dict[str, list[float]] = {}
    send = AiohttpRequest.do_request

    def do_request(self, url, *arguments, **more):
        times.setdefault(url.rsplit("/", 1)[1], []).append(time.monotonic())
        return send(self, url, *arguments, **more)

    monkeypatch.setattr(AiohttpRequest, "do_request", do_request)
    return times


async def behind_another(stage) -> dict:
    """A photo of Alice's that waits while the engine is at work on one of Bob's."""
    stage.send_photo(person=stage.bob)
    await stage.until(lambda: stage.engine.in_flight == 1)
    return stage.send_photo()


async def test_a_joke_appears_while_it_is_written_no_faster_than_allowed(stage_with, sent_at):
    stage = await stage_with(SLOW_WORDS, limits={"edit_interval_s": 0.5})
    photo = stage.send_photo()
    joke = await stage.joke(photo)
    await stage.quiet()
    assert joke["text"] == SLOW_WORDS.text
    assert len(stage.answers(photo)) == 1
    shown = [call for call in stage.sandbox.calls if call.method in ("sendMessage", "editMessageText")]
    texts = [call.parameters["text"] for call in shown]
    assert 3 <= len(texts) <= 8
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
    streamed = (sent_at["sendMessage"] + sent_at["editMessageText"])[:-1]
    assert len(streamed) == len(texts) - 1 and all(
        later - earlier >= 0.45 for earlier, later in itertools.pairwise(streamed)
    )


async def test_streaming_takes_no_more_than_the_chats_budget(stage_with, sent_at):
    stage = await stage_with(SLOW_WORDS, limits={"edit_interval_s": 0.1, "chat_messages_per_s": 1.0})
    await stage.joke(stage.send_photo())
    await stage.quiet()
    methods = {call.method for call in stage.sandbox.calls if "chat_id" in call.parameters}
    seen = sorted(at for method in methods for at in sent_at[method])
    assert len(seen) >= 3 and all(later - earlier >= 0.9 for earlier, later in itertools.pairwise(seen))


async def test_people_see_their_place_and_the_same_message_becomes_the_joke(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), engine={"in_flight": 1})
    first = stage.send_photo()
    await stage.until(lambda: stage.engine.in_flight == 1)
    second = stage.send_photo(person=stage.bob)
    await stage.until(lambda: stage.part(FairQueue).waiting == 1)
    third = stage.send_photo(person=stage.ming)
    place = await stage.answer(second, lambda one: one["text"] == stage.words("place", place=1))
    await stage.answer(third, lambda one: one["text"] == stage.words("place", "zh", place=2))
    gate.set()
    jokes = [await stage.joke(photo) for photo in (first, second, third)]
    await stage.quiet()
    assert jokes[1]["message_id"] == place["message_id"]
    assert [len(stage.answers(photo)) for photo in (first, second, third)] == [1, 1, 1]


async def test_somebody_who_waits_without_news_sees_typing(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate))
    photo = stage.send_photo()
    await stage.world.wait_for(lambda _: stage.calls("sendChatAction"))
    gate.set()
    await stage.joke(photo)


async def test_the_joke_is_sent_anew_where_its_message_was_deleted(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), engine={"in_flight": 1})
    photo = await behind_another(stage)
    place = await stage.answer(photo)
    stage.world.delete_message(stage.world.chats[stage.alice], place["message_id"])
    gate.set()
    joke = await stage.joke(photo)
    assert joke["message_id"] != place["message_id"]


async def test_a_place_in_line_becomes_the_apology(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate, text=""), engine={"in_flight": 1})
    photo = await behind_another(stage)
    place = await stage.answer(photo)
    gate.set()
    apology = await stage.answer(photo, lambda one: one["text"] == stage.words("engine-empty"))
    assert apology["message_id"] == place["message_id"]
