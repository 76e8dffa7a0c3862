"""What people see while they wait: their place, then the joke as it is written, then the joke, all in one message."""
import asyncio
import itertools

from bot.engine.stub import Answer

SLOW_WORDS = Answer(text=" ".join(f"word{number}" for number in range(16)), token_s=0.2)


async def behind_another(stage) -> dict:
    """A photo of Alice's that waits while the engine is at work on one of Bob's."""
    stage.send_photo(person=stage.bob)
    await stage.until(lambda: stage.engine.in_flight == 1)
    return stage.send_photo()


async def test_a_joke_appears_while_it_is_written_no_faster_than_allowed(stage_with):
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
    streamed = shown[:-1]
    assert all(later.at - earlier.at >= 0.45 for earlier, later in itertools.pairwise(streamed))


async def test_streaming_takes_no_more_than_the_chats_budget(stage_with):
    stage = await stage_with(SLOW_WORDS, limits={"edit_interval_s": 0.1, "chat_messages_per_s": 1.0})
    await stage.joke(stage.send_photo())
    await stage.quiet()
    seen = [call.at for call in stage.sandbox.calls if "chat_id" in call.parameters]
    assert all(later - earlier >= 0.9 for earlier, later in itertools.pairwise(seen))


async def test_people_see_their_place_and_the_same_message_becomes_the_joke(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(Answer(gate=gate), engine={"in_flight": 1})
    first = stage.send_photo()
    await stage.until(lambda: stage.engine.in_flight == 1)
    second = stage.send_photo(person=stage.bob)
    await stage.until(lambda: stage.app.parts.joker.queue.waiting == 1)
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
    stage = await stage_with(Answer(gate=gate))
    photo = stage.send_photo()
    await stage.world.wait_for(lambda _: stage.calls("sendChatAction"))
    gate.set()
    await stage.joke(photo)


async def test_the_joke_is_sent_anew_where_its_message_was_deleted(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(Answer(gate=gate), engine={"in_flight": 1})
    photo = await behind_another(stage)
    place = await stage.answer(photo)
    stage.world.remove(stage.world.chats[stage.alice], place["message_id"])
    gate.set()
    joke = await stage.joke(photo)
    assert joke["message_id"] != place["message_id"]


async def test_a_place_in_line_becomes_the_apology(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(Answer(gate=gate, text=""), engine={"in_flight": 1})
    photo = await behind_another(stage)
    place = await stage.answer(photo)
    gate.set()
    apology = await stage.answer(photo, lambda one: one["text"] == stage.words("engine-empty"))
    assert apology["message_id"] == place["message_id"]
