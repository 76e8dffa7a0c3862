"""🔁 gives another joke about the same photo, in another style, in a message of its own."""

import asyncio

from bot.engine.stub.engine import StubReply
from bot.jokes.styles import choose_style
from configs.prompts import load_prompts

STYLES = load_prompts().languages["en"].joke_styles


async def styles(stage) -> list[str]:
    return [row["style"] for row in await stage.app.database.rows("SELECT style FROM jokes ORDER BY id")]


async def test_another_joke_answers_the_same_photo(stage_with):
    stage = await stage_with(script=[StubReply("First."), StubReply("Second.")])
    photo = stage.send_photo("a hint")
    joke = await stage.joke(photo)
    assert await stage.press(joke, 3, person=stage.alice) == stage.words("another-coming")
    second = await stage.joke(photo, 2)
    assert (joke["text"], second["text"]) == ("First.", "Second.")
    assert "a hint" in stage.engine.asked[-1].user
    assert await stage.press(second, 0) == stage.words("rated", emoji="😂")
    assert await stage.value("SELECT count(DISTINCT photo_id) FROM jokes") == 1


async def test_another_joke_is_in_the_language_of_who_asks(stage):
    photo = stage.send_photo("/joke", chat=stage.group)
    joke = await stage.joke(photo)
    await stage.press(joke, 3, person=stage.ming)
    await stage.joke(photo, 2)
    assert "请你根据这张图片" in stage.engine.asked[-1].user


async def test_each_is_in_a_style_that_the_chat_has_not_heard_yet_and_then_in_the_one_heard_longest_ago(stage):
    photo = stage.send_photo()
    joke = await stage.joke(photo)
    for number in range(2, len(STYLES) + 3):
        await stage.press(joke, 3)
        joke = await stage.joke(photo, number)
        await stage.quiet()
    told = await styles(stage)
    assert sorted(told[: len(STYLES)]) == sorted(STYLES)
    assert told[len(STYLES) :] == told[:2]
    assert [asked.user for asked in stage.engine.asked] == [load_prompts().ask("en", style) for style in told]


async def test_the_style_that_is_set_is_left_for_another_one(stage_with):
    stage = await stage_with(joke={"style": "pun"})
    photo = stage.send_photo()
    await stage.press(await stage.joke(photo), 3)
    await stage.joke(photo, 2)
    first, second = await styles(stage)
    assert first == "pun" and second in set(STYLES) - {"pun"}


async def test_those_that_are_asked_for_at_once_are_in_different_styles(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(script=[StubReply()], answer=StubReply(gate=gate))
    photo = stage.send_photo()
    joke = await stage.joke(photo)
    for _ in STYLES[1:]:
        await stage.press(joke, 3)
    gate.set()
    await stage.joke(photo, len(STYLES))
    assert sorted(await styles(stage)) == sorted(STYLES)


async def test_what_another_chat_has_heard_does_not_count(stage):
    photo = stage.send_photo()
    for number in range(1, len(STYLES)):
        await stage.press(await stage.joke(photo, number), 3)
    await stage.joke(photo, len(STYLES))
    other = stage.send_photo(person=stage.bob)
    await stage.press(await stage.joke(other), 3, person=stage.bob)
    await stage.joke(other, 2)
    assert len(set((await styles(stage))[-2:])) == 2


def test_where_there_is_one_style_it_is_taken_again():
    assert choose_style(["only"], ["only"], ["only"]) == "only"


async def test_a_photo_that_is_gone_is_said_to_be(stage):
    joke = await stage.joke(stage.send_photo())
    await stage.quiet()
    for file in stage.settings.storage.photos.rglob("*.jpg"):
        file.unlink()
    assert await stage.press(joke, 3) == stage.words("photo-gone")


async def test_nobody_may_ask_for_more_than_their_share(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(
        script=[StubReply()], answer=StubReply(gate=gate), limits={"max_queued_photos_per_user": 1}
    )
    photo = stage.send_photo()
    joke = await stage.joke(photo)
    await stage.quiet()
    await stage.press(joke, 3)
    assert await stage.press(joke, 3) == stage.words("queue-mine", limit=1)
    gate.set()
    await stage.joke(photo, 2)


async def test_buttons_are_answered_while_the_engine_is_busy(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(
        script=[StubReply()],
        answer=StubReply(gate=gate),
        engine={"in_flight": 1},
        limits={"concurrent_updates": 1, "max_queued_photos": 2},
    )
    joke = await stage.joke(stage.send_photo())
    photos = [stage.send_photo(person=stage.bob) for _ in range(12)]
    assert await stage.press(joke, 0) == stage.words("rated", emoji="😂")
    gate.set()
    await stage.quiet()
    assert sum(len(stage.answers(photo)) for photo in photos) >= 1
