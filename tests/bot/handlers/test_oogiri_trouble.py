"""Rounds of Oogiri when users, administrators and the model don't behave: nothing is lost, doubled or shown wrongly."""

import asyncio
from contextlib import suppress

import pytest

from bot.engine.stub.engine import StubRefusal
from bot.sandbox import groups
from storage.chat import rounds
from tests.bot.conftest import callback_data
from tests.bot.handlers.test_oogiri import ballot_of, begin, button, consenting, end, enter, number_of, shown

MINUTES = {"collect_minutes": 600, "vote_minutes": 600}


@pytest.fixture
async def stage(stage_with):
    return await consenting(await stage_with(oogiri=MINUTES))


async def test_two_administrators_who_end_a_step_at_once_end_one(stage):
    groups.promote(stage.world, stage.group, stage.bob)
    opening = await begin(stage)
    await enter(stage, opening, "One", stage.ming)
    await asyncio.gather(end(stage, opening, stage.alice), end(stage, opening, stage.bob), end(stage, opening))
    await stage.quiet()
    ballots = [message for message in stage.world.messages(stage.group) if button(message, "o:")]
    assert len(ballots) == 1 and await stage.value("SELECT state FROM rounds") == "voting"
    with suppress(AssertionError):  # the later presses find no button any more
        await asyncio.gather(end(stage, ballots[0], stage.alice), end(stage, ballots[0], stage.bob))
    await shown(stage, lambda m: m.get("text", "").startswith("🎭") and "Alice" not in m["text"] and "One" in m["text"])
    results = [m for m in stage.world.messages(stage.group) if "·" in m.get("text", "") and "One" in m["text"]]
    assert len(results) == 1 and await stage.value("SELECT state FROM rounds") == "over"


async def test_who_leaves_is_banned_or_turns_private_in_a_round(stage):
    opening = await begin(stage)
    await enter(stage, opening, "Of one who leaves", stage.bob)
    await enter(stage, opening, "Of one who turns private", stage.ming)
    await enter(stage, opening, "Of one who is banned", stage.alice)
    private = stage.world.send_text(stage.ming, stage.ming, "/private")
    await stage.answer(private)
    stage.world.chats[stage.group].members.remove(stage.bob)
    async with stage.app.database.write() as connection:
        await connection.execute("INSERT INTO bans (person_id, banned_at) VALUES (?, 1)", (stage.alice,))
    ballot = await ballot_of(stage, opening)
    assert "leaves" in ballot["text"] and "private" in ballot["text"] and "banned" not in ballot["text"]
    await stage.press_data(ballot, number_of(ballot, "Of one who leaves"), person=stage.ming)
    async with stage.app.database.write() as connection:
        await connection.execute("DELETE FROM bans")
    await end(stage, ballot)
    result = await shown(stage, lambda m: "🥇" in m.get("text", ""))
    assert f"Of one who leaves\n{stage.words('punchline-by', author='Bob')}" in result["text"]
    assert f"Of one who turns private\n{stage.words('punchline-unnamed')}" in result["text"]
    assert stage.world.user(stage.ming).name not in result["text"]


async def test_edits_in_the_vote_change_nothing_and_deleted_messages_stay_in_it(stage):
    opening = await begin(stage)
    message = await enter(stage, opening, "As it was", stage.bob)
    gone = await enter(stage, opening, "Its message is deleted", stage.ming)
    ballot = await ballot_of(stage, opening)
    stage.world.edit_text(stage.bob, stage.group, message["message_id"], "Another text")
    await stage.answer(message, lambda reply: reply["text"] == stage.words("punchline-late"))
    del stage.world.chats[stage.group].messages[gone["message_id"]]
    await stage.press_data(ballot, number_of(ballot, "Its message is deleted"), person=stage.alice)
    await end(stage, ballot)
    result = await shown(stage, lambda m: "🥇" in m.get("text", ""))
    assert "As it was" in result["text"] and "Another text" not in result["text"]
    winner = await shown(stage, lambda m: m.get("text", "").startswith("Its message is deleted") and button(m, "z:"))
    hidden = next(data for data in callback_data(winner) if data.startswith("h:"))
    await stage.press_data(winner, hidden, person=stage.bob)
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM hidden_jokes") == 1, "the winner can be flagged like any joke"


async def test_a_flag_on_the_joke_of_a_rounds_photo_leaves_the_round_alone(stage):
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    stage.world.send_text(stage.alice, stage.group, "/oogiri", joke["message_id"])
    opening = await shown(stage, lambda m: button(m, "e:"))
    await stage.press_data(joke, next(data for data in callback_data(joke) if data.startswith("h:")), person=stage.bob)
    await enter(stage, opening, "Still in", stage.ming)
    ballot = await ballot_of(stage, opening)
    assert "Still in" in ballot["text"] and len([data for data in callback_data(ballot) if data[:2] == "o:"]) == 2


async def test_the_rounds_messages_say_that_its_photo_was_deleted(stage):
    opening = await begin(stage)
    await enter(stage, opening, "In vain", stage.ming)
    question = await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/forget"))
    await stage.press(question, 0, person=stage.alice)
    gone = stage.words("oogiri-gone")
    await shown(stage, lambda m: m["message_id"] == opening["message_id"] and m.get("text") == gone)
    assert await stage.value("SELECT count(*) FROM rounds") == 0
    late = await enter(stage, opening, "Too late", stage.bob)
    assert stage.answers(late) == [], "a reply to a message of no round is talk among users"


async def test_buttons_of_another_chats_round_do_nothing(stage):
    opening = await begin(stage)
    await enter(stage, opening, "One", stage.bob)
    ballot = await ballot_of(stage, opening)
    other = stage.world.add_group("Others", [stage.alice, stage.bob])
    photo = stage.send_photo(person=stage.bob, chat=other)
    stage.world.send_text(stage.alice, other, "/oogiri", photo["message_id"])
    others = await shown(stage, lambda m: button(m, "e:"), other)
    vote, stop = number_of(ballot, "One"), button(ballot, "e:")
    assert await stage.press_data(others, vote, person=stage.alice, forged=True) == stage.words("oogiri-vote-closed")
    assert await stage.press_data(others, stop, person=stage.alice, forged=True) == stage.words("button-unknown")
    assert await stage.value("SELECT count(*) FROM round_votes") == 0
    assert await stage.value("SELECT group_concat(state) FROM (SELECT state FROM rounds ORDER BY id)") == (
        "voting,collecting"
    )


async def test_two_hundred_entries_at_once_fill_a_round_and_no_more(stage):
    opening = await begin(stage)
    database, round_id = stage.app.database, int(button(opening, "e:").split(":")[1])
    async with database.write() as connection:
        await connection.executemany(
            "INSERT INTO jokes (id, photo_id, model_id, person_id, language, style, prompt, text, temperature, top_p, "
            "max_tokens, latency_s, created_at) SELECT ?1, photo_id, NULL, ?1, language, style, prompt, "
            "'Entry ' || ?1, 0, 0, 0, 0, created_at FROM jokes LIMIT 1",
            [(number,) for number in range(7000, 7200)],
        )
    taken = await asyncio.gather(*(rounds.add_entry(database, round_id, joke, joke) for joke in range(7000, 7200)))
    assert taken.count([]) == rounds.MAX_ENTRIES and taken.count(None) == 200 - rounds.MAX_ENTRIES
    edits = len(stage.calls("editMessageText"))
    assert edits <= 5, "the number of entries is shown once for many"


async def test_a_model_that_is_down_begins_no_round(stage_with):
    stage = await consenting(await stage_with(script=[StubRefusal(400)], oogiri=MINUTES))
    photo = stage.send_photo(person=stage.bob, chat=stage.group)
    asked = stage.world.send_text(stage.alice, stage.group, "/oogiri", photo["message_id"])
    assert (await stage.answer(asked))["text"] == stage.words("engine-refused")
    assert await stage.value("SELECT count(*) FROM rounds") == 0
    assert button(await begin(stage, 1), "e:"), "the next one begins"


async def test_plain_messages_of_others_are_never_needed(stage_with):
    """With privacy mode on Telegram delivers commands, replies to the bot and private messages only."""
    stage = await stage_with(oogiri=MINUTES)
    stage.world.bot["can_read_all_group_messages"] = False
    put, withheld = stage.world.updates.put, []

    def deliver(kind, payload):
        plain = kind in ("message", "edited_message") and payload["chat"]["type"] != "private"
        to_bot = payload.get("reply_to_message", {}).get("from", {}).get("is_bot")
        if plain and "from" in payload and not to_bot and not payload.get("text", "").startswith("/"):
            withheld.append(payload)
        else:
            put(kind, payload)

    stage.world.updates.put = deliver
    opening = await begin(stage)
    stage.world.send_text(stage.ming, stage.group, "What is this?")
    message = await enter(stage, opening, "Bob's", stage.bob)
    question = await stage.answer(message)
    assert question["text"] == stage.words("punchline-first-round")
    assert await stage.press(question, 0, person=stage.bob) == ""
    await stage.quiet()
    stage.world.edit_text(stage.bob, stage.group, message["message_id"], "Bob's better one")
    await stage.quiet()
    stage.world.send_text(stage.ming, stage.ming, f"/start oogiri_{button(opening, 'e:').split(':')[1]}")
    request = await shown(stage, lambda m: m["from"]["is_bot"] and m.get("text", "").startswith("✍️"), stage.ming)
    blind = stage.world.send_text(stage.ming, stage.ming, "小明的", request["message_id"])
    asked = await stage.answer(blind)
    assert asked["text"] == stage.words("punchline-first-round", "zh"), "blind entries ask for consent too"
    await stage.press(asked, 0, person=stage.ming)
    await stage.quiet()
    ballot = await ballot_of(stage, opening)
    assert "Bob's better one" in ballot["text"] and "小明的" in ballot["text"]
    await stage.press_data(ballot, number_of(ballot, "小明的"), person=stage.alice)
    await end(stage, ballot)
    await shown(stage, lambda m: "🥇" in m.get("text", ""))
    assert len(withheld) == 2, "a photo and a question of users"


async def test_a_group_can_turn_punchlines_off_and_still_plays(stage):
    from bot.chats.chat_settings import ChatSettingsStore
    from tests.bot.handlers.test_settings import choose

    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    pen = next(data for data in callback_data(joke) if data.startswith("b:"))
    await choose(stage, stage.group, "punchlines", "off")
    off = stage.words("better-off")
    assert await stage.press_data(joke, pen, person=stage.bob) == off
    for text in ("/better Mine", "/better", "✍️ Mine"):
        message = stage.world.send_text(stage.bob, stage.group, text, joke["message_id"])
        assert (await stage.answer(message))["text"] == off
    later = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    assert not any(data.startswith("b:") for data in callback_data(later))
    assert await stage.value("SELECT count(*) FROM punchlines") == 0
    opening = await begin(stage, 1)
    await enter(stage, opening, "In the round", stage.bob)
    assert await stage.value("SELECT count(*) FROM punchlines WHERE joke_id IS NOT NULL") == 1
    await stage.part(ChatSettingsStore).change(stage.group, punchlines=True)
    again = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    assert any(data.startswith("b:") for data in callback_data(again))
