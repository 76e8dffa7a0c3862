"""By setting: one joke for a whole album, about its first photo, with buttons 1 … N for the others."""

import asyncio
import json

import pytest

from bot.engine.stub.engine import StubRefusal, StubReply
from bot.jokes.user_limiter import UserLimiter
from storage.database import Database
from tests.bot.conftest import callback_data

ONE = {"joke": {"album_mode": "per_album"}}
RATINGS = ["😂", "🙂", "😐", "🔁"]
PATIENT = {"album_mention_wait_s": 600}
"""So long that a test in which somebody waits for the end of it fails."""


@pytest.fixture
async def stage(stage_with):
    return await stage_with(**ONE)


@pytest.fixture
def pictures(picture):
    """Photos of different widths, so that the engine's log says which was asked about."""
    return lambda count, first=300: [picture((first + 10 * number, 240)) for number in range(count)]


def numbers(count: int) -> list[str]:
    return [*RATINGS, *(f"🖼 {number}" for number in range(1, count + 1))]


def widths(stage) -> list[int]:
    """The photos that the engine was asked about."""
    return [asked.size[0] for asked in stage.engine.asked]


async def whole(stage, first, count: int):
    """The album's joke under its first photo, once it has buttons for so many."""
    joke = await stage.joke(first)
    await stage.shows(joke, *numbers(count))
    return stage.world.message(joke["chat"]["id"], joke["message_id"])


async def press_number(stage, joke, number: int, **more) -> str:
    return await stage.press(joke, 5 + number, **more)


async def test_an_album_gets_one_joke_about_its_first_photo_with_a_button_for_each(stage, pictures):
    album = stage.world.send_album(stage.alice, stage.alice, pictures(3))
    await whole(stage, album[0], 3)
    await stage.quiet()
    assert [len(stage.answers(photo)) for photo in album] == [1, 0, 0]
    assert widths(stage) == [300]


async def test_a_number_asks_for_a_joke_about_that_photo_and_again_for_another_one(stage, pictures):
    album = stage.world.send_album(stage.alice, stage.alice, pictures(3), ["Rome", None, "Oslo"])
    joke = await whole(stage, album[0], 3)
    assert await press_number(stage, joke, 3) == stage.words("number-coming", number=3)
    third = await stage.joke(album[2])
    assert stage.labels(third) == RATINGS and stage.labels(joke) == numbers(3)
    await stage.quiet()
    assert await press_number(stage, joke, 3) == stage.words("another-coming")
    await stage.joke(album[2], 2)
    assert await press_number(stage, joke, 1) == stage.words("another-coming")
    await stage.joke(album[0], 2)
    assert await press_number(stage, joke, 2) == stage.words("number-coming", number=2)
    await stage.joke(album[1])
    await stage.quiet()
    rows = await stage.app.database.rows("SELECT style, caption, photo_id FROM jokes ORDER BY id")
    assert widths(stage) == [300, 320, 320, 300, 310]
    assert [row["caption"] for row in rows] == ["Rome", "Oslo", "Oslo", "Rome", "Rome"]
    assert [row["style"] for row in rows[:2]] == ["neutral", "neutral"] and "neutral" not in (
        rows[2]["style"],
        rows[3]["style"],
    )


async def test_a_verdict_leaves_the_numbers_and_numbers_have_no_verdict_of_others(stage, pictures):
    album = stage.world.send_album(stage.alice, stage.alice, pictures(2))
    joke = await whole(stage, album[0], 2)
    await stage.press(joke, 0)
    await stage.shows(joke, "😂 1", *numbers(2)[1:])
    await press_number(stage, joke, 2)
    second = await stage.joke(album[1])
    await stage.press(second, 2)
    await stage.shows(second, "😂", "🙂", "😐 1", "🔁")
    assert stage.labels(joke)[0] == "😂 1"


async def test_a_photo_that_comes_late_gets_its_button(stage, pictures):
    first, second, third = pictures(3)
    message = stage.send_photo(data=first, album="7")
    await stage.quiet()
    joke = await stage.joke(message)
    assert stage.labels(joke) == RATINGS
    for count, data in ((2, second), (3, third)):
        late = stage.send_photo(data=data, album="7")
        await stage.shows(joke, *numbers(count))
    await stage.quiet()
    assert stage.answers(late) == [] and widths(stage) == [300]
    assert await press_number(stage, await whole(stage, message, 3), 3) == stage.words("number-coming", number=3)
    await stage.joke(late)


async def test_photos_that_come_while_the_joke_is_written_have_their_buttons_too(stage_with, pictures):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), **ONE)
    message = stage.send_photo(data=pictures(1)[0], album="7")
    await stage.until(lambda: bool(stage.engine.asked))
    for data in pictures(2, 400):
        stage.send_photo(data=data, album="7")
    await stage.until(lambda: len(stage.calls("getFile")) == 3)
    gate.set()
    await whole(stage, message, 3)


async def test_the_first_photo_is_waited_for_while_it_is_fetched(stage_with, pictures):
    stage = await stage_with(**ONE)
    stage.sandbox.faults.add("download", "slow", delay_s=1.5)
    album = stage.world.send_album(stage.alice, stage.alice, pictures(3))
    await whole(stage, album[0], 3)
    assert widths(stage) == [300]


async def test_a_photo_that_is_no_picture_is_said_and_the_rest_is_answered(stage, pictures):
    album = stage.world.send_album(stage.alice, stage.alice, [b"no picture", *pictures(2)])
    assert (await stage.answer(album[0]))["text"] == stage.words("photo-not_a_picture")
    await whole(stage, album[1], 2)
    await stage.quiet()
    assert stage.answers(album[2]) == []


@pytest.mark.parametrize("place", [0, 2])
async def test_in_groups_the_album_is_answered_once_when_any_photo_calls_the_bot(stage_with, pictures, place):
    stage = await stage_with(limits=PATIENT, **ONE)
    said = [f"@{stage.world.bot['username']} Rome" if number == place else None for number in range(3)]
    album = stage.world.send_album(stage.alice, stage.group, pictures(3), said)
    joke = await whole(stage, album[0], 3)
    assert await stage.value("SELECT group_concat(caption) FROM jokes") == "Rome"
    assert await press_number(stage, joke, 2, person=stage.bob) == stage.words("number-coming", number=2)
    await stage.joke(album[1])


async def test_in_groups_an_album_that_calls_nobody_is_left_alone(stage, pictures):
    album = stage.world.send_album(stage.alice, stage.group, pictures(2))
    await stage.quiet()
    assert [stage.answers(photo) for photo in album] == [[], []]


async def test_an_album_is_one_photo_in_hand_and_is_set_aside_whole(stage_with, pictures):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), limits={"max_queued_photos_per_user": 1}, **ONE)
    album = stage.world.send_album(stage.alice, stage.alice, pictures(3))
    await stage.until(lambda: bool(stage.engine.asked))
    stage.world.send_album(stage.alice, stage.alice, pictures(3, 500))
    aside = stage.words("queue-mine-aside", limit=1, aside=3)
    await stage.world.wait_for(
        lambda world: any(message.get("text") == aside for message in world.messages(stage.alice)), 200
    )
    gate.set()
    await whole(stage, album[0], 3)
    await stage.quiet()
    assert widths(stage) == [300] and stage.part(UserLimiter)._held == {}


async def test_an_album_without_a_joke_is_apologised_for_once_and_a_late_photo_tries_again(stage_with, pictures):
    stage = await stage_with(script=[StubRefusal(400)], **ONE)
    album = [stage.send_photo(data=data, album="7") for data in pictures(2)]
    assert (await stage.answer(album[0]))["text"] == stage.words("engine-refused")
    await stage.quiet()
    assert stage.answers(album[1]) == []
    stage.send_photo(data=pictures(1, 500)[0], album="7")
    await whole(stage, album[0], 3)


async def test_a_restart_in_the_middle_ends_in_one_answer_with_all_buttons(stage_with, pictures, monkeypatch):
    monkeypatch.setattr("bot.app.GRACE_S", 0.1)
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), **ONE)
    album = [stage.send_photo(data=data, album="7") for data in pictures(3)]
    await stage.until(lambda: bool(stage.engine.asked))
    await stage.restart()
    late = stage.send_photo(data=pictures(1, 500)[0], album="7")
    gate.set()
    joke = await whole(stage, album[0], 4)
    await stage.quiet()
    assert [len(stage.answers(photo)) for photo in (*album, late)] == [1, 0, 0, 0]
    await stage.restart()
    assert await press_number(stage, joke, 2) == stage.words("number-coming", number=2)
    await stage.joke(album[1])


async def test_a_kill_between_the_answer_and_a_late_photos_button_loses_no_button(stage, pictures):
    """As the database is then: the joke is shown with fewer buttons than there are photos, and its update is not
    finished.
    """
    album = [stage.send_photo(data=data, album="7") for data in pictures(2)]
    joke = await whole(stage, album[0], 2)
    await stage.quiet()
    payload = stage.world.message(stage.alice, album[0]["message_id"])
    await stage.process.aclose()
    database = await Database.open(stage.settings.storage.database)
    async with database.write() as connection:
        owing = (await (await connection.execute("SELECT update_id FROM albums")).fetchone())[0]
        await connection.execute(
            "INSERT INTO album_photos (album_id, message_id, photo_id) SELECT album_id, 9999, photo_id FROM "
            "album_photos LIMIT 1"
        )
        await connection.execute(
            "UPDATE inbox SET state = 'pending', payload = ? WHERE update_id = ?",
            (json.dumps({"update_id": owing, "message": payload}), owing),
        )
    await database.close()
    await stage.restart()
    await stage.shows(joke, *numbers(3))
    assert len(stage.answers(album[0])) == 1


async def test_forged_numbers_are_refused_politely(stage, pictures):
    mine = await whole(stage, stage.world.send_album(stage.alice, stage.alice, pictures(2))[0], 2)
    theirs = await whole(stage, stage.world.send_album(stage.bob, stage.bob, pictures(2, 500))[0], 2)
    await stage.quiet()
    single = await stage.joke(stage.send_photo(data=pictures(1, 700)[0]))
    await stage.quiet()
    asked, number = stage.engine.requests, callback_data(theirs)[6]
    for joke, data in (
        (mine, number),
        (single, callback_data(mine)[6]),
        (mine, "n:999999999999999999"),
        (mine, "n:"),
        (mine, "n:1:1"),
        (mine, "n:-1"),
        (mine, "n:0"),
        (mine, "n:1 OR 1=1"),
    ):
        assert await stage.press_data(joke, data, forged=True) == stage.words("button-unknown")
    await stage.quiet()
    assert stage.engine.requests == asked
    assert await stage.value("SELECT count(*) FROM inbox WHERE state = 'failed'") == 0


async def test_a_photo_whose_file_is_gone_is_said_to_be(stage, pictures):
    joke = await whole(stage, stage.world.send_album(stage.alice, stage.alice, pictures(2))[0], 2)
    await stage.quiet()
    for file in stage.settings.storage.photos.rglob("*.jpg"):
        file.unlink()
    assert await press_number(stage, joke, 2) == stage.words("photo-gone")


async def test_nobody_may_ask_by_number_for_more_than_their_share(stage_with, pictures):
    gate = asyncio.Event()
    stage = await stage_with(
        script=[StubReply()], answer=StubReply(gate=gate), limits={"max_queued_photos_per_user": 1}, **ONE
    )
    album = stage.world.send_album(stage.alice, stage.alice, pictures(3))
    joke = await whole(stage, album[0], 3)
    await stage.quiet()
    await press_number(stage, joke, 2)
    assert await press_number(stage, joke, 3) == stage.words("queue-mine", limit=1)
    gate.set()
    await stage.joke(album[1])


async def test_photos_outside_albums_are_answered_as_ever(stage, pictures):
    photo = stage.send_photo(data=pictures(1)[0])
    assert stage.labels(await stage.joke(photo)) == RATINGS


async def test_ten_photos_have_ten_buttons_as_a_phone_has_room_for_them(stage, pictures):
    album = stage.world.send_album(stage.alice, stage.alice, pictures(10))
    joke = await whole(stage, album[0], 10)
    assert [len(row) for row in joke["reply_markup"]["inline_keyboard"]] == [3, 3, 4, 3, 3]
