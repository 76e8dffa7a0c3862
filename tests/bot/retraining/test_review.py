"""/review: admins see the jokes of the next dataset one by one; dropped jokes are not used."""

import pytest

from storage.chat.candidates import UnshownCandidate, insert_candidates
from tests.bot.conftest import callback_data
from tests.bot.retraining.test_retrain import say


@pytest.fixture
async def stage(admins_stage):
    return admins_stage


async def rated(stage, picture, number):
    """The id of a joke about a photo of Bob's that he finds funny."""
    joke = await stage.joke(stage.send_photo(person=stage.bob, data=picture(colour=(number, 99, 200))))
    await stage.press(joke, 0, person=stage.bob)
    return await stage.value("SELECT max(id) FROM jokes")


async def shown(stage, joke_id):
    """The message that shows a joke for review."""

    def there(world):
        return next((one for one in world.messages(stage.alice) if f"v:keep:{joke_id}" in callback_data(one)), None)

    return await stage.world.wait_for(there, 60)


async def press(stage, message, answer, joke_id):
    return await stage.press_data(message, f"v:{answer}:{joke_id}")


async def test_admins_see_photo_joke_and_verdicts_and_the_next_after_each_word(stage, theatre, picture):
    first, second = await rated(stage, picture, 1), await rated(stage, picture, 2)
    theatre.pairs(2, jokes=[second, first])
    say(stage, "/review")
    message = await shown(stage, second)
    assert (
        message["photo"]
        and stage.engine.answer.text in message["caption"]
        and "😂 1 · 🙂 0 · 😐 0" in message["caption"]
    )
    assert stage.labels(message) == [stage.words("review-keep"), stage.words("review-drop")]
    assert await press(stage, message, "drop", second) == stage.words("review-drop-done")
    await stage.shows(message, stage.words("review-keep"), f"✔️ {stage.words('review-drop')}")
    other = await shown(stage, first)
    assert await press(stage, other, "keep", first) == stage.words("review-keep-done")
    await stage.world.wait_for(
        lambda world: any(one.get("text") == stage.words("review-none") for one in world.messages(stage.alice)), 60
    )
    assert [
        tuple(row)
        for row in await stage.app.database.rows("SELECT joke_id, kept, asked_by FROM reviews ORDER BY joke_id")
    ] == [(first, 1, stage.alice), (second, 0, stage.alice)]
    assert await press(stage, message, "keep", second) == stage.words("review-keep-done"), "a word can be taken back"
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM reviews WHERE kept") == 2


async def test_what_was_reviewed_is_not_shown_again(stage, theatre, picture):
    first, second = await rated(stage, picture, 1), await rated(stage, picture, 2)
    theatre.pairs(1, jokes=[first])
    say(stage, "/review")
    await press(stage, await shown(stage, first), "keep", first)
    theatre.pairs(2, jokes=[first, second])
    say(stage, "/review")
    assert "last one" in (await shown(stage, second))["caption"]


async def test_nobody_else_sees_or_decides_and_no_group_sees_others_photos(stage, theatre, picture):
    joke = await rated(stage, picture, 1)
    theatre.pairs(1, jokes=[joke])
    assert (await stage.answer(say(stage, "/review", person=stage.bob)))["text"] == stage.words("admins-only")
    assert (await stage.answer(say(stage, "/review", chat=stage.group)))["text"] == stage.words("review-in-private")
    say(stage, "/review")
    await shown(stage, joke)
    theirs = next(one for one in stage.world.messages(stage.bob) if one["from"]["is_bot"])
    assert await stage.press_data(theirs, f"v:drop:{joke}", person=stage.bob, forged=True) == stage.words(
        "not-your-button"
    )
    assert await stage.value("SELECT count(*) FROM reviews") == 0


async def test_a_joke_that_is_gone_is_said_to_be(stage, theatre, picture):
    joke = await rated(stage, picture, 1)
    theatre.pairs(1, jokes=[joke])
    say(stage, "/review")
    message = await shown(stage, joke)
    async with stage.app.database.write() as connection:
        await connection.execute("DELETE FROM jokes")
    assert await press(stage, message, "drop", joke) == stage.words("review-gone")


async def test_the_candidates_that_were_not_shown_stand_below_the_joke(stage, theatre, picture):
    first, second = await rated(stage, picture, 1), await rated(stage, picture, 2)
    async with stage.app.database.write() as connection:
        await insert_candidates(connection, first, [UnshownCandidate("A worse one"), UnshownCandidate("And another")])
    theatre.pairs(2, jokes=[first, second])
    say(stage, "/review")
    message = await shown(stage, first)
    assert message["caption"].endswith("not shown:\n· A worse one\n· And another")
    await press(stage, message, "keep", first)
    assert "not shown" not in (await shown(stage, second))["caption"]
