"""/stats: words for everybody, the picture for admins, in light and dark."""

import asyncio
import io
from collections.abc import Iterator

import pytest
from PIL import Image
from telegram.error import BadRequest

from bot.charts.canvas import COLOURS, LIGHT
from bot.sandbox.telegram_objects import FIRST_USER_ID
from bot.telegram.client import TelegramClient
from tests.bot.conftest import callback_data, make_picture

WORDS = "You: 1 photo, 1 joke, 1 rating, 0% 😂 or 🙂.\nAll of us: 1 photo, 2 jokes, 1 rating, 0% 😂 or 🙂."


@pytest.fixture
async def stage(stage_with):
    return await stage_with(telegram={"admins": [FIRST_USER_ID]})


async def send(stage, person=None, chat=None):
    """The answer once its update is finished: a picture may be added to a text."""
    person = person or stage.alice
    answer = await stage.answer(stage.world.send_text(person, chat or person, "/stats"))
    await stage.quiet()
    return stage.world.message(answer["chat"]["id"], answer["message_id"])


def page(stage, message):
    """The colour of a picture's corner."""
    data = stage.world.files.get(message["photo"][-1]["file_id"]).data
    return "#{:02x}{:02x}{:02x}".format(*Image.open(io.BytesIO(data)).convert("RGB").getpixel((3, 3)))


def near(one: str, other: str) -> bool:
    def parts(colour: str) -> Iterator[int]:
        return (int(colour[place : place + 2], 16) for place in (1, 3, 5))

    return all(abs(a - b) < 8 for a, b in zip(parts(one), parts(other), strict=True))


async def test_people_get_words_about_themselves_and_everybody(stage):
    theirs, _ = await stage.joke(stage.send_photo(person=stage.bob)), await stage.joke(stage.send_photo())
    await stage.press(theirs, 0, person=stage.bob)
    await stage.press(theirs, 2, person=stage.bob)
    await stage.quiet()
    answer = await send(stage, stage.bob)
    assert answer["text"].startswith(f"{WORDS}\n{stage.words('progress-first')}") and not callback_data(answer)
    assert "photo" not in await send(stage, chat=stage.group), "a group gets no picture, whoever asks"


async def test_admins_get_the_picture_and_turn_on_the_night_and_the_day(stage):
    message = await send(stage)
    assert (
        message["caption"].startswith("You: 0 photos")
        and callback_data(message) == ["s:dark"]
        and near(page(stage, message), LIGHT.page)
    )
    await stage.press_data(message, "s:dark")
    await stage.shows(message, "☀️")
    now = stage.world.message(stage.alice, message["message_id"])
    assert near(page(stage, now), COLOURS.page) and now["caption"] == message["caption"]
    await stage.press_data(now, "s:light")
    await stage.shows(message, "🌙")


async def test_nobody_else_has_a_picture_drawn(stage):
    theirs = await send(stage, stage.bob)
    assert await stage.press_data(theirs, "s:dark", person=stage.bob, forged=True) == stage.words("not-your-button")


async def test_where_no_picture_can_be_drawn_the_words_come_alone(stage, monkeypatch):
    from bot.charts import render

    monkeypatch.setattr(render, "TIMEOUT_S", 0.0)
    assert (await send(stage))["text"].startswith("You: 0 photos")


async def test_the_words_come_at_once_and_a_slow_picture_is_added_to_them(stage, monkeypatch):
    drawn = asyncio.Event()

    async def slowly(*arguments):
        await drawn.wait()
        return make_picture()

    monkeypatch.setattr("bot.handlers.stats.draw_picture", slowly)
    words = await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/stats"))
    assert words["text"].startswith("You: 0 photos")
    drawn.set()
    await stage.quiet()
    await stage.shows(words, "🌙")
    message = stage.world.message(stage.alice, words["message_id"])
    assert message["caption"] == words["text"] and message["photo"] and len(stage.calls("sendPhoto")) == 0


async def test_where_a_text_takes_no_picture_it_comes_by_itself(stage, monkeypatch):
    monkeypatch.setattr("bot.handlers.stats.PICTURE_WAIT_S", 0.0)

    async def refuse(*arguments, **values):
        raise BadRequest("there is no media in the message to edit")

    monkeypatch.setattr(TelegramClient, "edit_message_media", refuse)
    words = await send(stage)
    assert words["text"].startswith("You: 0 photos")
    picture = stage.world.messages(stage.alice)[-1]
    assert picture["photo"] and "caption" not in picture


async def test_a_picture_is_drawn_again_only_when_its_numbers_change(stage, monkeypatch):
    drawn = []

    async def draw(name, content, folder):
        drawn.append(content["dark"])
        return make_picture()

    monkeypatch.setattr("bot.handlers.stats.draw_picture", draw)
    first, _ = await send(stage), await send(stage)
    await stage.press_data(first, "s:dark")
    await stage.shows(first, "☀️")
    await stage.press_data(first, "s:light")
    await stage.shows(first, "🌙")
    assert drawn == [False, True]
    await stage.joke(stage.send_photo())
    await stage.quiet()
    await send(stage)
    assert drawn == [False, True, False]
