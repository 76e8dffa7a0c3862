"""🚩 under a duel hides one of its jokes; the duel takes no choices until ↩️ or an admin brings the joke back."""

import json
import sqlite3
from contextlib import closing

import pytest

from storage.chat.best import list_latest_jokes
from tests.bot.conftest import callback_data
from tests.bot.experiments.conftest import NEW, OLD

FLAG_A, FLAG_B = 3, 4
"""The indexes of 🚩 among a duel's buttons."""
OPEN = ("🅰️", "🅱️", "😐 Neither", "🚩 🅰️", "🚩 🅱️")
A_HIDDEN, BOTH_HIDDEN = ("↩️ 🅰️", "🚩 🅱️"), ("↩️ 🅰️", "↩️ 🅱️")


@pytest.fixture
async def flagging(dueling):
    """A duel in the group (Alice sent the photo; Ming, who speaks Chinese, is the bot's admin), and its run."""

    async def start(private: bool = False, **sections):
        chat, run = await dueling(telegram={"admins": [1003]}, **sections)
        duel = await chat.duel(None if private else chat.stage.group)
        return chat, run, duel

    return start


def text_of(chat, duel) -> str:
    return chat.stage.world.message(duel["chat"]["id"], duel["message_id"])["text"]


def jokes_of(duel) -> tuple[str, str]:
    """A's and B's text."""
    return (OLD, NEW) if duel["text"].index(OLD) < duel["text"].index(NEW) else (NEW, OLD)


def flag_data(duel, index: int) -> str:
    return callback_data(duel)[index]


def unflag_data(duel, index: int) -> str:
    return flag_data(duel, index).replace("h:", "y:")


def notices(chat) -> list[dict]:
    return [
        message
        for message in chat.stage.world.messages(chat.stage.ming)
        if any(data.startswith("w:") for data in callback_data(message))
    ]


async def decide(chat, answer: str) -> str:
    (notice,) = notices(chat)
    data = next(data for data in callback_data(notice) if data.startswith(f"w:{answer}:"))
    return await chat.stage.press_data(notice, data, person=chat.stage.ming)


async def test_a_flag_hides_one_joke_of_a_duel_and_the_other_stays_readable(flagging):
    chat, run, duel = await flagging()
    stage, (a, b) = chat.stage, jokes_of(duel)
    assert stage.labels(duel) == list(OPEN)
    assert await stage.press(duel, 1, person=stage.bob) == stage.words("duel-chosen-b")
    assert await stage.press(duel, FLAG_A, person=stage.bob) == stage.words("flag-done")
    await stage.shows(duel, *A_HIDDEN)
    assert a not in text_of(chat, duel) and b in text_of(chat, duel)
    assert stage.words("flag-hidden") in text_of(chat, duel)
    before = await chat.picks(run)
    assert len(before) == 1, "what was chosen when both jokes could be read stays"
    assert await stage.press_data(duel, callback_data(duel)[1], forged=True) == stage.words("duel-hidden")
    assert await chat.picks(run) == before
    await stage.quiet()
    (notice,) = notices(chat)
    assert notice["photo"] and a in notice["caption"] and b not in notice["caption"]
    latest = await list_latest_jokes(stage.app.database, stage.alice, chat_id=None, limit=9)
    assert [joke.text for joke in latest].count(a) == 0 < [joke.text for joke in latest].count(b)
    assert await stage.value("SELECT count(*) FROM deliveries WHERE message_id = ?", duel["message_id"]) == 0


async def test_who_flagged_it_brings_it_back_and_the_duel_goes_on(flagging):
    chat, run, duel = await flagging()
    stage = chat.stage
    await stage.press(duel, FLAG_A, person=stage.bob)
    await stage.shows(duel, *A_HIDDEN)
    assert await stage.press_data(duel, flag_data(duel, FLAG_B)) == stage.words("flag-done")
    await stage.shows(duel, *BOTH_HIDDEN)
    assert OLD not in text_of(chat, duel) and NEW not in text_of(chat, duel)
    assert await stage.press_data(duel, unflag_data(duel, FLAG_B)) == stage.words("flag-undone")
    await stage.shows(duel, *A_HIDDEN)
    carol = stage.world.add_user("Carol").id
    stage.world.chats[stage.group].members.append(carol)
    assert await stage.press_data(duel, unflag_data(duel, FLAG_A), person=carol) == stage.words("flag-not-yours")
    assert await stage.press_data(duel, unflag_data(duel, FLAG_A), person=stage.bob) == stage.words("flag-undone")
    await stage.shows(duel, *OPEN)
    assert text_of(chat, duel) == duel["text"]
    assert await stage.press(duel, 2) == stage.words("duel-chosen-meh")
    assert await chat.picks(run) == [0]


async def test_an_admins_decision_shows_in_the_duel(flagging):
    chat, _, duel = await flagging()
    stage = chat.stage
    await stage.press(duel, FLAG_A, person=stage.bob)
    await stage.quiet()
    assert await decide(chat, "restore") == stage.words("flag-restore-done", "zh")
    await stage.shows(duel, *OPEN)
    assert await stage.press(duel, FLAG_A, person=stage.bob) == stage.words("flag-settled")
    assert await decide(chat, "keep") == stage.words("flag-keep-done", "zh")
    await stage.shows(duel, *A_HIDDEN)
    assert await stage.press_data(duel, unflag_data(duel, FLAG_A), person=stage.bob) == stage.words("flag-kept")


async def test_the_limit_of_a_day_holds_for_duels_too(flagging):
    chat, _, duel = await flagging(safety={"max_flags_per_day": 1})
    stage = chat.stage
    assert await stage.press(duel, FLAG_A, person=stage.bob) == stage.words("flag-done")
    await stage.shows(duel, *A_HIDDEN)
    flag_b = flag_data(duel, FLAG_B)
    assert await stage.press_data(duel, flag_b, person=stage.bob) == stage.words("flag-limit", limit=1)
    assert stage.labels(duel) == list(A_HIDDEN)
    owner = stage.world.chats[stage.group].members[0]
    assert await stage.press_data(duel, flag_b, person=owner) == stage.words("flag-done")
    await stage.shows(duel, *BOTH_HIDDEN)


async def test_in_a_private_chat_a_joke_is_flagged_after_the_choice_too(flagging):
    chat, run, duel = await flagging(private=True)
    stage, (a, b) = chat.stage, jokes_of(duel)
    await stage.press(duel, 0)
    await stage.shows(duel, "🚩 🅰️", "🚩 🅱️")
    assert await stage.press_data(duel, flag_data(duel, FLAG_A)) == stage.words("flag-done")
    await stage.shows(duel, *A_HIDDEN)
    assert a not in text_of(chat, duel) and b in text_of(chat, duel)
    assert len(await chat.picks(run)) == 1
    await stage.press_data(duel, unflag_data(duel, FLAG_A))
    await stage.shows(duel, "🚩 🅰️", "🚩 🅱️")
    assert text_of(chat, duel) == f"{duel['text']}\n\n{stage.words('duel-chosen-a')}"


async def test_flags_of_a_duels_joke_under_another_message_are_refused(flagging):
    chat, _, duel = await flagging()
    stage = chat.stage
    other = await stage.joke(chat.send(stage.bob))
    for data in (flag_data(duel, FLAG_A), unflag_data(duel, FLAG_A)):
        assert await stage.press_data(other, data, person=stage.bob, forged=True) == stage.words("button-unknown")
    other_joke = next(data for data in callback_data(other) if data.startswith("h:"))
    assert await stage.press_data(duel, other_joke, forged=True) == stage.words("button-unknown")
    assert await stage.value("SELECT count(*) FROM flags") == 0


async def test_a_flag_that_a_kill_left_unshown_is_shown_after_the_restart(flagging):
    """The bot ended after it stored the flag. Neither the duel's message nor the notice had been recorded or sent."""
    chat, _, duel = await flagging()
    stage, flag = chat.stage, flag_data(duel, FLAG_A)
    await stage.quiet()
    await stage.process.aclose()
    message = stage.world.message(stage.group, duel["message_id"])
    press = {"id": "1", "message": message, "data": flag, "chat_instance": "1"}
    press["from"] = stage.world.users[stage.bob].user_object()
    with closing(sqlite3.connect(stage.settings.storage.database)) as connection, connection:
        connection.execute("UPDATE duels SET message_id = NULL")
        connection.execute("INSERT INTO flagged_jokes (joke_id, flagged_at) VALUES (?1, 0)", (flag[2:],))
        connection.execute("INSERT INTO flags (joke_id, person_id, flagged_at) VALUES (?, ?, 0)", (flag[2:], stage.bob))
        ((update,),) = connection.execute("SELECT max(update_id) FROM inbox").fetchall()
        payload = json.dumps({"update_id": update, "callback_query": press})
        connection.execute("UPDATE inbox SET state = 'pending', payload = ? WHERE update_id = ?", (payload, update))
    await stage.restart()
    await stage.shows(duel, *A_HIDDEN)
    await stage.quiet()
    assert await stage.value("SELECT message_id FROM duels") == duel["message_id"]
    assert len(notices(chat)) == 1
