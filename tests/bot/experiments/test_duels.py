"""Duels: two jokes in one message, in random order; each user of the chat may choose once."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest

from storage.chat.duels import get_duel_of_update
from storage.learning import runs
from tests.bot.conftest import callback_data
from tests.bot.experiments.conftest import NEW, OLD, is_duel


async def test_both_jokes_stand_in_one_message_and_the_choice_is_counted_for_its_model(dueling):
    chat, run = await dueling()
    duel = await chat.duel()
    new_is_a = duel["text"].index(NEW) < duel["text"].index(OLD)
    assert await chat.stage.press(duel, 0) == chat.stage.words("duel-chosen-a")
    await chat.stage.quiet()
    assert await chat.picks(run) == [1 if new_is_a else -1]
    await chat.stage.shows(duel, "🚩 🅰️", "🚩 🅱️")
    shown = chat.stage.world.message(duel["chat"]["id"], duel["message_id"])
    assert is_duel(shown) and shown["text"].endswith(chat.stage.words("duel-chosen-a"))


async def test_neither_is_a_choice_too(dueling):
    chat, run = await dueling()
    assert await chat.stage.press(await chat.duel(), 2) == chat.stage.words("duel-chosen-meh")
    assert await chat.picks(run) == [0]


async def test_both_orders_come_up(dueling):
    chat, _ = await dueling()
    orders = set()
    for _ in range(40):
        message = await chat.stage.joke(chat.send())
        if is_duel(message):
            orders.add(message["text"].index(NEW) < message["text"].index(OLD))
        if len(orders) == 2:
            return
    raise AssertionError("one model's joke always comes first")


async def test_no_chat_has_two_in_a_row_and_only_one_photo_in_so_many_is_one(dueling):
    chat, _ = await dueling(duel={"one_in_photos": 3})
    answers = [is_duel(await chat.stage.joke(chat.send())) for _ in range(12)]
    places = [place for place, duel in enumerate(answers) if duel]
    assert len(places) >= 3
    assert all(later - earlier >= 3 for earlier, later in zip(places, places[1:], strict=False))


async def test_in_a_group_every_member_may_choose_once(dueling):
    chat, run = await dueling()
    stage, group = chat.stage, chat.stage.group
    duel = await chat.duel(chat=group)
    assert await stage.press(duel, 0) == stage.words("duel-chosen-a")
    assert await stage.press(duel, 1, person=stage.bob) == stage.words("duel-chosen-b")
    assert await stage.press(duel, 0, person=stage.bob) == stage.words("duel-again")
    assert sorted(await chat.picks(run)) == [-1, 1]
    await stage.quiet()
    assert callback_data(stage.world.message(group, duel["message_id"])) == callback_data(duel)


async def test_without_a_trial_there_are_none(dueling):
    chat, run = await dueling()
    await runs.request_cancel(chat.stage.app.database, run.id)
    await chat.ends(run)
    await chat.stage.until(lambda: chat.stage.app.servers.router.canary is None)
    assert not any([is_duel(await chat.stage.joke(chat.send())) for _ in range(3)])


@pytest.mark.parametrize(
    "data", ["d:{duel}:c", "d:{duel}", "d:{duel}:a:b", "d:99999:a", "d:-1:a", "d:{huge}:a", "d:٣:a", "d:{other}:a"]
)
async def test_forged_choices_are_refused_politely(dueling, data):
    chat, run = await dueling()
    duel, other = await chat.duel(), None
    for _ in range(3):
        other = await chat.stage.joke(chat.send(chat.stage.bob), 1)
        if is_duel(other):
            break
    number, number_of_other = (callback_data(one)[0].split(":")[1] for one in (duel, other))
    forged = data.format(duel=number, huge="9" * 40, other=number_of_other)
    assert await chat.stage.press_data(duel, forged, forged=True) == chat.stage.words("button-unknown")
    await chat.stage.quiet()
    assert await chat.picks(run) == []


async def test_nobody_chooses_for_another_and_a_choice_stands(dueling):
    chat, run = await dueling()
    duel = await chat.duel()
    first, second = callback_data(duel)[:2]
    await chat.stage.press(duel, 0)
    assert await chat.stage.press_data(duel, second, forged=True) == chat.stage.words("duel-again")
    assert len(await chat.picks(run)) == 1
    bobs = await chat.stage.joke(chat.send(chat.stage.bob))
    assert await chat.stage.press_data(bobs, first, person=chat.stage.bob, forged=True) == chat.stage.words(
        "button-unknown"
    )


async def test_where_one_model_fails_the_photo_gets_a_single_joke(dueling):
    from bot.engine.stub.engine import StubRefusal

    chat, _ = await dueling()
    chat.stage.engine.answers["candidate"] = StubRefusal(500)
    assert {(await chat.stage.joke(chat.send()))["text"] for _ in range(3)} == {OLD}
    assert await chat.stage.value("SELECT count(*) FROM duels") == 0


async def test_jokes_of_duels_are_no_ratings_evidence(dueling):
    chat, _ = await dueling()
    duel = await chat.duel()
    await chat.stage.quiet()
    assert await chat.stage.value("SELECT count(*) FROM jokes JOIN duels ON jokes.id IN (joke_a, joke_b)") == 2
    assert await chat.stage.value("SELECT count(*) FROM deliveries WHERE message_id = ?", duel["message_id"]) == 0


async def test_a_photo_whose_duel_was_cut_off_by_a_restart_is_answered_once(dueling, monkeypatch):
    """The bot ends during the generation of the candidate's joke.

    At its next start no candidate is served yet, so the photo gets a single joke.
    """
    from bot.engine.stub.engine import StubReply

    monkeypatch.setattr("bot.app.GRACE_S", 0.1)
    chat, _ = await dueling()
    chat.stage.engine.answers["candidate"] = StubReply(NEW, gate=asyncio.Event())
    photo = chat.send()
    await chat.until(lambda: chat.stage.value("SELECT count(*) FROM duels WHERE coalesce(joke_a, joke_b) IS NOT NULL"))
    chat.stage.engine.answers["candidate"] = StubReply(NEW)
    await chat.stage.restart()
    message = await chat.stage.joke(photo)
    await chat.stage.quiet()
    shown = await chat.stage.value(
        "SELECT (SELECT count(*) FROM duels WHERE message_id = ?1) + (SELECT count(*) FROM deliveries WHERE "
        "message_id = ?1)",
        message["message_id"],
    )
    assert shown == 1 and len([one for one in chat.stage.answers(photo) if callback_data(one)]) == 1
    assert await chat.stage.value("SELECT count(*) FROM duels WHERE message_id IS NULL") == 0


async def test_a_duel_that_was_shown_is_not_shown_again_after_a_restart(dueling):
    chat, _ = await dueling()
    duel = await chat.duel()
    await chat.stage.quiet()
    update = await chat.stage.value("SELECT update_id FROM duels")
    photo = chat.stage.world.message(duel["chat"]["id"], duel["reply_to_message"]["message_id"])
    payload = json.dumps({"update_id": update, "message": photo})
    await chat.stage.process.aclose()
    with closing(sqlite3.connect(chat.stage.settings.storage.database)) as connection, connection:
        connection.execute("UPDATE inbox SET state = 'pending', payload = ? WHERE update_id = ?", (payload, update))
    await chat.stage.restart()
    await chat.stage.quiet()
    assert len(chat.stage.answers(photo)) == 1


async def test_a_choice_under_a_message_that_a_kill_left_unnoted_counts(dueling):
    chat, run = await dueling()
    duel = await chat.duel()
    await chat.stage.quiet()
    async with chat.stage.app.database.write() as connection:
        await connection.execute("UPDATE duels SET message_id = NULL")
    assert await chat.stage.press(duel, 2) == chat.stage.words("duel-chosen-meh")
    assert await chat.picks(run) == [0]
    update = await chat.stage.value("SELECT update_id FROM duels")
    assert (await get_duel_of_update(chat.stage.app.database, update)).message_id == duel["message_id"]
