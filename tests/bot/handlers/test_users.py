"""/users: who is here, for admins in their own chat, page by page."""

import pytest

from bot.handlers.admin import users
from bot.sandbox.telegram_objects import FIRST_USER_ID
from tests.bot.conftest import callback_data


@pytest.fixture
async def stage(stage_with):
    return await stage_with(telegram={"admins": [FIRST_USER_ID]})


async def ask(stage, person=None, chat=None):
    person = person or stage.alice
    return await stage.answer(stage.world.send_text(person, chat or person, "/users"))


async def test_people_are_shown_with_what_they_did_and_who_is_banned(stage):
    assert "nobody" in (await ask(stage))["text"].lower()
    joke = await stage.joke(stage.send_photo(person=stage.bob))
    await stage.press(joke, 0, person=stage.bob)
    await stage.joke(stage.send_photo())
    await stage.answer(stage.world.send_text(stage.alice, stage.alice, f"/ban {stage.ming}"))
    await stage.quiet()
    text = (await ask(stage))["text"]
    title, *people = text.split("\n\n")
    assert title == "👥 3 people, the most active first"
    assert people[0].startswith(f"1. Bob · {stage.bob}\n     1 photo, 1 joke, 1 rating (100% 😂 or 🙂) · last 20")
    assert people[1].startswith(f"2. 🛠 Alice · {stage.alice}\n     1 photo, 1 joke, no ratings · last 20")
    assert people[2] == f"3. 🚫 ? · {stage.ming}\n     banned for good\n     0 photos, 0 jokes, no ratings"


async def test_buttons_turn_the_pages_in_place(stage, monkeypatch):
    monkeypatch.setattr(users, "USERS_PER_PAGE", 1)
    for person in (stage.alice, stage.bob, stage.ming):
        await stage.joke(stage.send_photo(person=person))
    message = await ask(stage)
    assert callback_data(message) == ["u:1", "u:2"] and "1. " in message["text"]
    await stage.press_data(message, "u:2")
    await stage.shows(message, "◀️", "2 / 3", "▶️")
    assert "2. " in stage.world.message(stage.alice, message["message_id"])["text"]
    await stage.press_data(message, "u:2")
    await stage.press_data(message, "u:99", forged=True)
    await stage.shows(message, "◀️", "3 / 3")


async def test_nobody_else_sees_them_and_no_group_does(stage):
    assert (await ask(stage, stage.bob))["text"] == stage.words("admins-only")
    assert (await ask(stage, chat=stage.group))["text"] == stage.words("users-in-private")
    theirs = stage.answers(next(one for one in stage.world.messages(stage.bob) if not one["from"]["is_bot"]))[0]
    assert await stage.press_data(theirs, "u:1", person=stage.bob, forged=True) == stage.words("not-your-button")
