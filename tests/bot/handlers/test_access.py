"""/ban and /unban: nothing of a banned person is answered, they hear why once a day, and admins can't be banned."""

import asyncio
import sqlite3
import time

import pytest

from bot.chats.bans import BanList
from bot.engine.stub.engine import StubReply
from bot.messaging.admin_notifier import AdminNotifier
from bot.sandbox.telegram_objects import FIRST_USER_ID
from bot.telegram.send_journal import journal_replies
from storage.learning import bans

ADMINS = {"admins": [FIRST_USER_ID, FIRST_USER_ID + 2]}


@pytest.fixture
async def stage(stage_with):
    """Alice and Ming are admins."""
    return await stage_with(telegram=ADMINS)


async def say(stage, text, person=None, chat=None, reply_to=None):
    person = person or stage.alice
    return (await stage.answer(stage.world.send_text(person, chat or person, text, reply_to)))["text"]


def said_to(stage, person):
    return [one.get("text") for one in stage.world.messages(person) if one["from"]["is_bot"]]


async def test_a_banned_person_hears_why_once_and_then_nothing_also_after_a_restart(stage):
    joke = await stage.joke(stage.send_photo(person=stage.bob))
    answer = await say(stage, f"/ban {stage.bob} 3d too many cats")
    assert f"Bob · {stage.bob}" in answer and "too many cats" in answer
    await stage.quiet()
    before, asked = len(said_to(stage, stage.bob)), len(stage.engine.asked)
    stage.send_photo(person=stage.bob)
    stage.world.send_text(stage.bob, stage.bob, "/best")
    stage.send_photo("/joke", person=stage.bob, chat=stage.group)
    await stage.quiet()
    await stage.restart()
    stage.send_photo(person=stage.bob)
    assert await stage.press(joke, 0, person=stage.bob) == ""
    assert await stage.press(joke, 3, person=stage.bob) == ""
    await stage.quiet()
    heard = said_to(stage, stage.bob)[before:]
    assert len(heard) == 1 and heard[0].startswith("An admin has asked me to stop answering you until ")
    assert len(stage.engine.asked) == asked and await stage.value("SELECT count(*) FROM ratings") == 0
    assert not [one for one in stage.world.messages(stage.group) if one["from"]["is_bot"]]


async def test_they_hear_it_again_after_a_day_and_the_button_says_it_too(stage, monkeypatch):
    joke = await stage.joke(stage.send_photo(person=stage.bob))
    await say(stage, f"/ban {stage.bob}")
    assert "Please don't take it to heart" in await stage.press(joke, 0, person=stage.bob)
    assert await stage.press(joke, 0, person=stage.bob) == ""
    monkeypatch.setattr("bot.chats.bans.NOTICE_INTERVAL_S", 0.0)
    assert await stage.press(joke, 0, person=stage.bob) == stage.words("banned", until="good")


async def test_unban_lets_them_in_again(stage):
    await say(stage, f"/ban {stage.bob}")
    assert await say(stage, f"/unban {stage.bob}") == stage.words("unban-done", who=f"? · {stage.bob}")
    await stage.joke(stage.send_photo(person=stage.bob))
    assert await say(stage, f"/unban {stage.bob}") == stage.words("unban-none", who=f"Bob · {stage.bob}")


async def test_a_ban_ends_by_itself(stage):
    await say(stage, f"/ban {stage.bob} 1m")
    async with stage.app.database.write() as connection:
        await connection.execute("UPDATE bans SET until = ?", (time.time() - 1,))
    await stage.restart()
    await stage.joke(stage.send_photo(person=stage.bob))


async def test_somebody_is_named_by_a_reply_in_a_group_by_username_or_by_number(stage):
    eve = stage.world.add_user("Eve", username="eve_1").id
    group = stage.world.add_group("Friends", [stage.alice, stage.bob, eve])
    rude = stage.world.send_text(stage.bob, group, "Your jokes are bad.")
    assert f"Bob · {stage.bob}" in await say(stage, "/ban 2w", chat=group, reply_to=rude["message_id"])
    await stage.answer(stage.world.send_text(eve, eve, "hello"))
    assert f"Eve · @eve_1 · {eve}" in await say(stage, "/ban @EVE_1")
    assert await say(stage, "/ban @nobody") == stage.words("ban-unknown", who="@nobody")
    assert "? · 424242" in await say(stage, "/ban 424242")
    assert {one.person_id for one in await bans.list_active_bans(stage.app.database)} == {stage.bob, eve, 424242}
    until = (await bans.list_bans_of_user(stage.app.database, stage.bob))[0].until
    assert 13.9 * 86400 < until - time.time() < 14.1 * 86400


@pytest.mark.parametrize("text", ["/ban", "/ban bob", "/ban -5", "/ban 3d", "/ban @", "/ban 99999999999999999999"])
async def test_an_unclear_ban_bans_nobody_and_says_how(stage, text):
    assert await say(stage, text) == stage.words("ban-how")
    assert await bans.list_active_bans(stage.app.database) == []


async def test_neither_admins_nor_bots_can_be_banned_and_nobody_else_may_ban(stage):
    assert await say(stage, f"/ban {stage.ming}") == stage.words("ban-admin")
    joke = await stage.joke(stage.send_photo())
    assert await say(stage, "/ban", reply_to=joke["message_id"]) == stage.words("ban-bot")
    for command in ("/ban", "/unban"):
        assert await say(stage, f"{command} {stage.alice}", person=stage.bob) == stage.words("admins-only")
    assert await bans.list_active_bans(stage.app.database) == []


async def test_who_becomes_an_admin_is_let_in(stage):
    await bans.add_ban(stage.app.database, stage.ming, by=stage.alice)
    await stage.restart()
    assert await bans.list_active_bans(stage.app.database) == []


async def test_the_other_admins_are_told_in_their_language(stage):
    await say(stage, "/users", person=stage.ming)
    await say(stage, f"/ban {stage.bob} spam")
    wanted = stage.words("ban-news", "zh", admin="Alice", who=f"? · {stage.bob}", until="good", reason="spam")
    await stage.world.wait_for(lambda _: wanted in said_to(stage, stage.ming), 60)
    assert said_to(stage, stage.alice)[1:] == []


async def test_a_restart_tells_the_other_admins_once(stage):
    """The news is one of the replies to the update of /ban, and written down with them."""
    news = {"except_for": (stage.alice,), "admin": "Alice", "who": "Bob"}
    with journal_replies(stage.app.database, 1, {0: 77}):  # 77: sent before the restart
        assert await stage.part(AdminNotifier).notify("unban-news", **news) == []
    assert said_to(stage, stage.ming) == []
    await stage.part(AdminNotifier).notify("unban-news", **news)
    assert len(said_to(stage, stage.ming)) == 1


async def test_a_banned_person_can_still_have_everything_forgotten_and_stays_banned(stage):
    await stage.joke(stage.send_photo(person=stage.bob))
    await say(stage, f"/ban {stage.bob}")
    ask = await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/forget"))
    await stage.press_data(ask, f"f:{stage.bob}:yes", person=stage.bob)
    await stage.quiet()
    assert (
        await stage.value("SELECT count(*) FROM photos")
        == await stage.value("SELECT count(*) FROM known_people WHERE person_id = ?", stage.bob)
        == 0
    )
    assert stage.part(BanList).is_banned(stage.bob)


async def test_photos_that_wait_when_their_sender_is_banned_are_not_answered(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), telegram=ADMINS, engine={"in_flight": 1})
    first = stage.send_photo(person=stage.ming)
    await stage.until(lambda: len(stage.engine.asked) == 1)
    waiting = [stage.send_photo(person=stage.bob) for _ in range(3)]
    for photo in waiting:
        await stage.answer(photo)
    await say(stage, f"/ban {stage.bob}")
    gate.set()
    await stage.joke(first)
    await stage.quiet()
    assert len(stage.engine.asked) == 1 and not any(stage.answers(photo) for photo in waiting)


async def test_names_that_try_to_break_the_list_are_one_plain_line(stage):
    eve = stage.world.add_user("Eve\u202e\n\n1. Admin " + "x" * 100).id
    await stage.answer(stage.world.send_text(eve, eve, "hello"))
    answer = await say(stage, f"/ban {eve}")
    assert "Eve 1. Admin xxx" in answer and "\n" not in answer and "\u202e" not in answer and "x" * 40 not in answer


async def test_a_banned_user_is_rejected_also_where_telling_them_fails(stage, monkeypatch):
    banned = stage.part(BanList)
    await banned.ban(stage.bob, by=stage.alice)

    async def fails(user_id: int) -> bool:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(banned, "should_notify", fails)
    message = stage.send_photo(person=stage.bob)
    await stage.quiet()
    assert stage.answers(message) == []
    assert await stage.value("SELECT count(*) FROM photos") == 0
