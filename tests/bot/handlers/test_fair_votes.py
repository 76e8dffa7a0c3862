"""In a group the buttons show no counts until 3 have voted or 10 minutes have passed; a voter sees them at once."""

import asyncio
import time

import pytest

from bot.handlers.keyboards import JokeKeyboards

BARE = ("😂", "🙂", "😐", "🔁")


async def group_joke(stage, people=3):
    members = [stage.world.add_user(f"Person {number}").id for number in range(people)]
    group = stage.world.add_group("Voters", members)
    joke = await stage.joke(stage.send_photo("/joke", person=members[0], chat=group))
    return joke, members


async def pass_minutes(stage, minutes):
    async with stage.app.database.write() as connection:
        await connection.execute("UPDATE deliveries SET created_at = created_at - ?", (60 * minutes,))
        await connection.execute("UPDATE hidden_votes SET show_at = show_at - ?", (60 * minutes,))


async def test_the_counts_come_with_the_third_vote_and_each_voter_sees_them_in_the_answer(stage):
    joke, people = await group_joke(stage)
    assert await stage.press(joke, 0, person=people[0]) == stage.words("rated-group", emoji="😂", counts="😂 1")
    answer = await stage.press(joke, 2, person=people[1])
    assert answer == stage.words("rated-group", emoji="😐", counts="😂 1 · 😐 1")
    answer = await stage.press(joke, 2, person=people[1])
    assert answer == stage.words("rated-same-group", emoji="😐", counts="😂 1 · 😐 1")
    await stage.quiet()
    assert tuple(stage.labels(joke)) == BARE and stage.calls("editMessageReplyMarkup") == []
    await stage.press(joke, 0, person=people[2])
    await stage.shows(joke, "😂 2", "🙂", "😐 1", "🔁")


async def test_after_ten_minutes_the_counts_are_shown_also_after_a_restart(stage):
    joke, people = await group_joke(stage)
    await stage.press(joke, 1, person=people[0])
    await stage.quiet()
    await stage.part(JokeKeyboards).show_due()
    assert tuple(stage.labels(joke)) == BARE
    await pass_minutes(stage, 11)
    await stage.restart()
    await stage.shows(joke, "😂", "🙂 1", "😐", "🔁")
    while await stage.value("SELECT count(*) FROM hidden_votes"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await stage.part(JokeKeyboards).show_due()
    assert len(stage.calls("editMessageReplyMarkup")) == 1


async def test_a_vote_after_ten_minutes_is_shown_at_once(stage):
    joke, people = await group_joke(stage)
    await stage.quiet()
    await pass_minutes(stage, 11)
    await stage.press(joke, 1, person=people[0])
    await stage.shows(joke, "😂", "🙂 1", "😐", "🔁")
    assert await stage.value("SELECT count(*) FROM hidden_votes") == 0


async def test_a_private_chat_has_one_voter_who_sees_the_count_at_once(stage):
    joke = await stage.joke(stage.send_photo())
    assert await stage.press(joke, 0) == stage.words("rated", emoji="😂")
    await stage.shows(joke, "😂 1", "🙂", "😐", "🔁")
    assert await stage.value("SELECT count(*) FROM hidden_votes") == 0


@pytest.mark.parametrize("setting", ["counts_after_votes", "counts_after_minutes"])
async def test_the_settings_turn_it_off(stage_with, setting):
    stage = await stage_with(joke={setting: 0})
    joke, people = await group_joke(stage)
    await stage.press(joke, 0, person=people[0])
    await stage.shows(joke, "😂 1", "🙂", "😐", "🔁")


async def test_a_joke_that_is_deleted_meanwhile_leaves_nothing_to_show(stage):
    joke, people = await group_joke(stage)
    await stage.press(joke, 1, person=people[0])
    await stage.quiet()
    assert await stage.value("SELECT show_at FROM hidden_votes") > time.time()
    async with stage.app.database.write() as connection:
        await connection.execute("DELETE FROM jokes")
    await stage.part(JokeKeyboards).show_due()
    assert await stage.value("SELECT count(*) FROM hidden_votes") == 0
