"""Rounds of Oogiri: entries, the ballot, votes, the result, and what goes wrong on the way."""

import asyncio
from functools import partial

import pytest

from bot.sandbox import groups
from tests.bot.conftest import callback_data, make_picture

TIMEOUT_S = 200


@pytest.fixture
async def stage(stage_with):
    """A stage whose rounds end only by a button, with users who have agreed to punchlines."""
    return await consenting(await stage_with(oogiri={"collect_minutes": 600, "vote_minutes": 600}))


async def consenting(stage):
    async with stage.app.database.write() as connection:
        for user in (stage.alice, stage.bob, stage.ming):
            await connection.execute("INSERT INTO punchline_authors VALUES (?, 1)", (user,))
    return stage


async def begin(stage, number: int = 0):
    """Alice begins a round about a photo of Bob's; the bot's message that asks for entries."""
    photo = stage.send_photo(person=stage.bob, chat=stage.group, data=make_picture((300, 200 + number)))
    stage.world.send_text(stage.alice, stage.group, "/oogiri", photo["message_id"])
    opening = await stage.answer(photo, lambda reply: button(reply, "e:"))
    await stage.quiet()
    return opening


def button(message, prefix: str) -> str | None:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    data = [key["callback_data"] for row in rows for key in row if "callback_data" in key]
    return next((item for item in data if item.startswith(prefix)), None)


async def enter(stage, opening, text: str, person: int):
    message = stage.world.send_text(person, stage.group, text, opening["message_id"])
    await stage.quiet()
    return message


async def shown(stage, test, chat: int | None = None):
    """Wait for a message of the bot's for which `test` is true."""
    found = await stage.world.wait_for(
        lambda _: next((m for m in reversed(stage.world.messages(chat or stage.group)) if test(m)), None), TIMEOUT_S
    )
    await stage.quiet()
    return found


async def end(stage, message, person: int | None = None) -> str:
    return await stage.press_data(message, button(message, "e:"), person=person)


async def ballot_of(stage, opening):
    await end(stage, opening)
    return await shown(stage, lambda m: button(m, "o:"))


def number_of(ballot, text: str) -> str:
    """The data of the button for the entry with this text."""
    line = next(line for line in ballot["text"].splitlines() if line.endswith(text))
    round_id = button(ballot, "e:").split(":")[1]
    return f"o:{round_id}:{line.split('.')[0]}"


async def test_a_round_from_the_photo_to_the_table(stage):
    opening = await begin(stage)
    assert stage.words("oogiri-open", minutes=600, entries=0) == opening["text"]
    await enter(stage, opening, "Bob's first", stage.bob)
    await enter(stage, opening, "✍️ Bob's second", stage.bob)
    await enter(stage, opening, "/better 小明的", stage.ming)
    counted = stage.words("oogiri-open", minutes=600, entries=2)
    await shown(stage, lambda m: m.get("text") == counted)
    ballot = await ballot_of(stage, opening)
    lines = ballot["text"].splitlines()
    assert "Bob's second" in ballot["text"] and "小明的" in ballot["text"] and "Bob's first" not in ballot["text"]
    assert sum(line[:1].isdigit() for line in lines) == 3, "the bot's entry is among them"
    assert not any(name in ballot["text"] for name in ("Alice", "✍️"))
    bobs, mings = number_of(ballot, "Bob's second"), number_of(ballot, "小明的")
    (bots,) = {*callback_data_of(ballot, "o:")} - {bobs, mings}
    assert await stage.press_data(ballot, bobs, person=stage.bob) == stage.words("oogiri-vote-own")
    for person in (stage.alice, stage.ming):
        await stage.press_data(ballot, bobs, person=person)
    await stage.press_data(ballot, mings, person=stage.alice)
    both = ", ".join(sorted(data.split(":")[2] for data in (bobs, mings)))
    assert await stage.press_data(ballot, bots, person=stage.alice) == stage.words("oogiri-vote-limit", votes=both)
    one = bobs.split(":")[2]
    assert await stage.press_data(ballot, mings, person=stage.alice) == stage.words("oogiri-vote-unvoted", votes=one)
    await stage.press_data(ballot, bots, person=stage.bob)
    await end(stage, ballot)
    winner = await shown(stage, lambda m: m.get("text", "").startswith("Bob's second") and button(m, "z:"))
    result = next(m for m in stage.world.messages(stage.group) if "🥇" in m.get("text", ""))
    assert result["text"].index("Bob's second") < result["text"].index(stage.words("oogiri-bot"))
    assert f"✍️ Bob · {'2 votes'}" in result["text"] and "🥈" in result["text"]
    table = next(m for m in stage.world.messages(stage.group) if m.get("text", "").startswith("🏅"))
    assert "Bob 2" in table["text"]
    await stage.press(winner, 0, person=stage.alice)
    assert await stage.value("SELECT count(*) FROM ratings") == 1, "the winner is rated like any punchline"
    assert await stage.value("SELECT state FROM rounds") == "over"


def callback_data_of(message, prefix: str) -> list[str]:
    return [data for data in callback_data(message) if data.startswith(prefix)]


async def test_one_round_at_a_time_and_late_entries_are_refused(stage):
    opening = await begin(stage)
    photo = stage.send_photo(person=stage.bob, chat=stage.group)
    again = stage.world.send_text(stage.bob, stage.group, "/oogiri", photo["message_id"])
    assert (await stage.answer(again))["text"] == stage.words("oogiri-running")
    await enter(stage, opening, "In time", stage.bob)
    await ballot_of(stage, opening)
    late = await enter(stage, opening, "Too late", stage.ming)
    assert (await stage.answer(late))["text"] == stage.words("oogiri-late", "zh")
    assert await stage.value("SELECT count(*) FROM jokes WHERE text = 'Too late'") == 0


async def test_only_who_began_it_or_an_administrator_ends_a_round(stage):
    opening = await begin(stage)
    assert await end(stage, opening, stage.ming) == stage.words("oogiri-not-yours", "zh")
    groups.promote(stage.world, stage.group, stage.ming)
    assert await stage.value("SELECT state FROM rounds") == "collecting"


async def test_a_round_that_nobody_plays_ends_with_the_bots_joke(stage):
    opening = await begin(stage)
    await end(stage, opening)
    joke = await stage.value("SELECT text FROM jokes")
    await shown(stage, lambda m: m.get("text") == f"{stage.words('oogiri-unplayed')}\n\n{joke}")
    assert await stage.value("SELECT state FROM rounds") == "over"
    talk = await enter(stage, opening, "Oh, I missed it", stage.bob)
    assert stage.answers(talk) == []


async def test_without_votes_everybody_wins_and_ties_share_a_place(stage):
    opening = await begin(stage)
    await enter(stage, opening, "One", stage.bob)
    ballot = await ballot_of(stage, opening)
    await end(stage, ballot)
    result = await shown(stage, lambda m: "One" in m.get("text", "") and "Bob" in m.get("text", ""))
    assert "🥇" not in result["text"]
    opening = await begin(stage, 1)
    await enter(stage, opening, "Two", stage.bob)
    await enter(stage, opening, "Three", stage.alice)
    ballot = await ballot_of(stage, opening)
    await stage.press_data(ballot, number_of(ballot, "Two"), person=stage.alice)
    await stage.press_data(ballot, number_of(ballot, "Three"), person=stage.bob)
    await end(stage, ballot)
    await shown(stage, lambda m: m.get("text", "").count("🥇") == 2)


async def test_an_entry_in_private_is_blind(stage):
    opening = await begin(stage)
    round_id = button(opening, "e:").split(":")[1]
    links = [key["url"] for row in opening["reply_markup"]["inline_keyboard"] for key in row if "url" in key]
    assert links == [f"https://t.me/{stage.world.bot['username']}?start=oogiri_{round_id}"]
    stage.world.send_text(stage.bob, stage.bob, f"/start oogiri_{round_id}")
    ask = stage.words("punchline-ask", user=stage.world.user(stage.bob).name)
    request = await shown(stage, lambda m: m.get("text") == ask, stage.bob)
    message = stage.world.send_text(stage.bob, stage.bob, "Secret", request["message_id"])
    assert (await stage.answer(message))["text"] == stage.words("oogiri-entered")
    assert "Secret" in (await ballot_of(stage, opening))["text"]
    other = stage.world.send_text(stage.alice, stage.alice, "/start oogiri_999")
    assert (await stage.answer(other))["text"] == stage.words("oogiri-late")


@pytest.mark.parametrize("state", ["collecting", "closing", "voting", "scoring"])
async def test_a_restart_in_any_state_goes_on_with_the_round(stage, state, monkeypatch):
    opening = await begin(stage)
    await enter(stage, opening, "Still there", stage.bob)
    ballot = opening
    if state in ("voting", "scoring"):
        ballot = await ballot_of(stage, opening)
        await stage.press_data(ballot, number_of(ballot, "Still there"), person=stage.alice)
    if state in ("closing", "scoring"):  # a kill after the state was stored and before anything was sent
        async with stage.app.database.write() as connection:
            await connection.execute("UPDATE rounds SET state = ?", (state,))
    await stage.restart()
    if state == "collecting":
        await enter(stage, opening, "Another", stage.ming)
        ballot = await ballot_of(stage, opening)
        assert "Still there" in ballot["text"] and "Another" in ballot["text"]
    if state == "closing":
        ballot = await shown(stage, lambda m: button(m, "o:"))
    if state != "scoring":
        await stage.press_data(ballot, number_of(ballot, "Still there"), person=stage.ming)
        await end(stage, ballot)
    await shown(stage, lambda m: m.get("text", "").startswith("Still there") and button(m, "z:"))
    assert len([m for m in stage.world.messages(stage.group) if "🥇" in m.get("text", "")]) == 1


async def test_time_ends_the_states_by_itself(stage_with):
    stage = await consenting(await stage_with(oogiri={"collect_minutes": 0.05, "vote_minutes": 0.05}))
    opening = await begin(stage)
    await enter(stage, opening, "Quick", stage.bob)
    await shown(stage, lambda m: "Quick" in m.get("text", "") and "Bob" in m.get("text", ""))
    for _ in range(600):
        if await stage.value("SELECT state FROM rounds") == "over":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the round isn't over")


async def test_a_muted_bots_round_ends(stage):
    opening = await begin(stage)
    await enter(stage, opening, "Unheard", stage.bob)
    stage.sandbox.faults.add("sendMessage", "write_forbidden", times=1)
    await end(stage, opening)
    await stage.quiet()
    assert await stage.value("SELECT state FROM rounds") == "over"


async def test_a_flood_of_entries_ends_at_a_readable_ballot(stage):
    from storage.chat import rounds

    opening = await begin(stage)
    round_id, parent = int(button(opening, "e:").split(":")[1]), await stage.value("SELECT joke_id FROM rounds")
    for user in range(5000, 5000 + rounds.MAX_ENTRIES):
        joke = await stage.value("SELECT max(id) FROM jokes") + 1
        async with stage.app.database.write() as connection:
            await connection.execute(
                "INSERT INTO jokes (id, photo_id, model_id, person_id, language, style, prompt, text, temperature, "
                "top_p, max_tokens, latency_s, created_at) SELECT ?, photo_id, NULL, ?, language, style, prompt, ?, "
                "0, 0, 0, 0, created_at FROM jokes WHERE id = ?",
                (joke, user, f"Entry {user} " + "long " * 55, parent),
            )
        assert await rounds.add_entry(stage.app.database, round_id, joke, user) == []
    one_more = await enter(stage, opening, "One more", stage.bob)
    assert (await stage.answer(one_more))["text"] == stage.words("oogiri-late")
    ballot = await ballot_of(stage, opening)
    assert len(callback_data_of(ballot, "o:")) == rounds.MAX_ENTRIES + 1
    assert len(ballot["text"].encode("utf-16-le")) // 2 <= 4096 and "Entry 5019" in ballot["text"]


async def test_an_entry_is_withdrawn_with_its_author_and_edits_end_with_the_collecting(stage):
    opening = await begin(stage)
    message = await enter(stage, opening, "Tpyo", stage.bob)
    stage.world.edit_text(stage.bob, stage.group, message["message_id"], "Typo")
    await stage.quiet()
    await enter(stage, opening, "Gone", stage.ming)
    question = await stage.answer(stage.world.send_text(stage.ming, stage.ming, "/forget"))
    await stage.press(question, 0, person=stage.ming)
    await stage.quiet()
    ballot = await ballot_of(stage, opening)
    assert "Typo" in ballot["text"] and "Gone" not in ballot["text"]
    stage.world.edit_text(stage.bob, stage.group, message["message_id"], "Changed")
    await stage.answer(message, lambda reply: reply["text"] == stage.words("punchline-late"))
    assert await stage.value("SELECT count(*) FROM jokes WHERE text = 'Typo'") == 1


async def test_forged_buttons_and_old_ballots_do_nothing(stage):
    opening = await begin(stage)
    await enter(stage, opening, "One", stage.bob)
    ballot = await ballot_of(stage, opening)
    vote = number_of(ballot, "One")
    forged = partial(stage.press_data, forged=True)
    assert await forged(opening, vote, person=stage.alice) == stage.words("oogiri-vote-closed")
    assert await forged(opening, button(ballot, "e:"), person=stage.alice) == stage.words("button-unknown")
    await end(stage, ballot)
    await stage.quiet()
    assert await forged(ballot, vote, person=stage.alice) == stage.words("oogiri-vote-closed")
    assert await stage.value("SELECT count(*) FROM round_votes") == 0


async def test_oogiri_is_for_groups_and_says_what_it_needs(stage_with):
    stage = await stage_with(oogiri={"rounds_per_day": 0})
    photo = stage.send_photo()
    alone = stage.world.send_text(stage.alice, stage.alice, "/oogiri", photo["message_id"])
    assert (await stage.answer(alone))["text"] == stage.words("oogiri-groups")
    off = stage.world.send_text(stage.alice, stage.group, "/oogiri")
    assert (await stage.answer(off))["text"] == stage.words("oogiri-enough")


async def test_a_round_about_a_joke_of_the_bots_keeps_its_own_entry_secret(stage):
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    how = stage.world.send_text(stage.alice, stage.group, "/oogiri")
    assert (await stage.answer(how))["text"] == stage.words("oogiri-what")
    stage.world.send_text(stage.alice, stage.group, "/oogiri", joke["message_id"])
    await shown(stage, lambda m: button(m, "e:"))
    mine = stage.world.send_text(stage.alice, stage.alice, "/mine")
    answer = await stage.answer(mine)
    assert answer["caption"].count(joke["text"]) == 1 and await stage.value("SELECT count(*) FROM jokes") == 2
