"""Buttons: one person has one verdict, counts show, every press is answered, nothing forged counts."""

import pytest


async def ratings(stage) -> list[tuple[int, int]]:
    rows = await stage.app.database.rows("SELECT person_id, value FROM ratings ORDER BY person_id")
    return [tuple(row) for row in rows]


async def test_a_verdict_is_stored_confirmed_and_counted(stage):
    joke = await stage.joke(stage.send_photo())
    assert await stage.press(joke, 0) == stage.words("rated", emoji="😂")
    assert await ratings(stage) == [(stage.alice, 3)]
    await stage.shows(joke, "😂 1", "🙂", "😐", "🔁")


async def test_a_verdict_can_be_changed(stage):
    joke = await stage.joke(stage.send_photo())
    await stage.press(joke, 0)
    assert await stage.press(joke, 2) == stage.words("rated", emoji="😐")
    assert await ratings(stage) == [(stage.alice, 1)]
    await stage.shows(joke, "😂", "🙂", "😐 1", "🔁")


async def test_the_same_verdict_again_changes_nothing(stage):
    joke = await stage.joke(stage.send_photo())
    await stage.press(joke, 1)
    await stage.shows(joke, "😂", "🙂 1", "😐", "🔁")
    before = len(stage.calls("editMessageReplyMarkup"))
    assert await stage.press(joke, 1) == stage.words("rated-same", emoji="🙂")
    await stage.quiet()
    assert len(stage.calls("editMessageReplyMarkup")) == before
    assert await ratings(stage) == [(stage.alice, 2)]


async def test_many_presses_become_few_edits_and_the_last_state_wins(stage_with):
    stage = await stage_with(limits={"chat_messages_per_s": 2.0, "group_messages_per_min": 60.0})
    people = [stage.world.add_user(f"Person {number}").id for number in range(20)]
    group = stage.world.add_group("Twenty", people)
    joke = await stage.joke(stage.send_photo("/joke", person=people[0], chat=group))
    for person in people:
        await stage.press(joke, 0, person=person)
    await stage.shows(joke, "😂 20", "🙂", "😐", "🔁")
    assert len(await ratings(stage)) == 20
    assert len(stage.calls("editMessageReplyMarkup")) <= 20


@pytest.mark.parametrize(
    "data",
    [
        "r:{joke}:4",
        "r:{joke}",
        "r:{joke}:3:3",
        "r:99999:3",
        "r:-1:3",
        "r:{huge}:3",
        "a:99999",
        "x",
        "",
        "r:٣:3",
        "r:{joke}:3; DROP TABLE ratings",
        "{other}",
    ],
)
async def test_forged_buttons_are_refused_politely(stage, data):
    joke = await stage.joke(stage.send_photo())
    other = await stage.joke(stage.send_photo())
    number, number_of_other = (
        one["reply_markup"]["inline_keyboard"][0][0]["callback_data"].split(":")[1] for one in (joke, other)
    )
    forged = data.format(joke=number, huge="9" * 40, other=f"r:{number_of_other}:3")
    assert await stage.press_data(joke, forged, forged=True) == stage.words("button-unknown")
    await stage.quiet()
    assert await ratings(stage) == []
    assert await stage.value("SELECT count(*) FROM jokes") == 2


async def test_another_chats_joke_cannot_be_rated(stage):
    mine = await stage.joke(stage.send_photo())
    theirs = await stage.joke(stage.send_photo(person=stage.bob))
    data = theirs["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    assert await stage.press_data(mine, data, forged=True) == stage.words("button-unknown")
    assert await ratings(stage) == []


async def test_a_button_whose_joke_was_deleted_is_answered(stage):
    joke = await stage.joke(stage.send_photo())
    await stage.quiet()
    async with stage.app.database.write() as connection:
        await connection.execute("DELETE FROM jokes")
    assert await stage.press(joke, 0) == stage.words("button-unknown")
    assert await stage.press(joke, 3) == stage.words("button-unknown")


async def test_a_joke_whose_delivery_was_lost_in_a_crash_can_still_be_rated(stage):
    joke = await stage.joke(stage.send_photo())
    await stage.quiet()
    async with stage.app.database.write() as connection:
        await connection.execute("DELETE FROM deliveries")
    assert await stage.press(joke, 0) == stage.words("rated", emoji="😂")
    assert await stage.value("SELECT count(*) FROM deliveries") == 1


async def test_a_press_is_answered_even_when_storing_fails(stage):
    joke = await stage.joke(stage.send_photo())
    await stage.quiet()
    async with stage.app.database.write() as connection:
        await connection.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON ratings BEGIN SELECT raise(ABORT, 'disk I/O error'); END"
        )
    assert await stage.press(joke, 0) == stage.words("button-failed")
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM inbox WHERE state = 'failed'") == 1
