"""An album: what one of its photos says holds for all, whenever each of them comes."""

import asyncio

import pytest

from bot.engine.stub.engine import StubReply
from bot.jokes.album_tracker import AlbumTracker
from tests.bot.conftest import TIMEOUT_S, callback_data

PATIENT = {"album_wait_s": 600, "album_mention_wait_s": 600}
"""So long that a test in which somebody waits for the end of it fails."""


@pytest.fixture
def three(picture) -> list[bytes]:
    return [picture(colour=(shade, 0, 0)) for shade in (50, 100, 150)]


def name(stage) -> str:
    return stage.world.bot["username"]


async def captions(stage) -> list[str | None]:
    return [row["caption"] for row in await stage.app.database.rows("SELECT caption FROM jokes ORDER BY id")]


async def waits(stage) -> None:
    """The photo has arrived and is in somebody's hands."""
    await stage.until(lambda: bool(stage.part(AlbumTracker)._albums))


async def test_each_photo_of_an_album_is_answered_once(stage, three):
    album = stage.world.send_album(stage.alice, stage.alice, three)
    for photo in album:
        await stage.joke(photo)
    await stage.quiet()
    assert [len(stage.answers(photo)) for photo in album] == [1, 1, 1]
    assert await captions(stage) == [None] * 3


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_the_caption_of_one_photo_is_the_hint_for_all(stage_with, three, place):
    stage = await stage_with(limits=PATIENT)
    for photo in stage.world.send_album(
        stage.alice, stage.alice, three, ["Rome" if number == place else None for number in range(3)]
    ):
        await stage.joke(photo)
    assert await captions(stage) == ["Rome"] * 3


async def test_a_photo_with_a_caption_of_its_own_keeps_it(stage_with, three):
    stage = await stage_with(limits=PATIENT)
    for photo in stage.world.send_album(stage.alice, stage.alice, three, ["Rome", None, "Oslo"]):
        await stage.joke(photo)
    assert sorted(await captions(stage)) == ["Oslo", "Rome", "Rome"]


async def test_a_caption_that_comes_late_still_counts(stage_with):
    stage = await stage_with(limits=PATIENT)
    first = stage.send_photo(album="7")
    await stage.until(lambda: bool(stage.calls("getFile")))
    assert not stage.engine.asked
    second = stage.send_photo("Rome", album="7")
    await stage.joke(first)
    await stage.joke(second)
    assert await captions(stage) == ["Rome"] * 2


async def test_a_photo_that_comes_late_joins_its_album(stage_with):
    stage = await stage_with(limits=PATIENT)
    await stage.joke(stage.send_photo("Rome", album="7"))
    await stage.quiet()
    await stage.joke(stage.send_photo(album="7"))
    assert await captions(stage) == ["Rome"] * 2


async def test_albums_in_two_chats_are_two(stage):
    stage.send_photo("Rome", album="7")
    await stage.joke(stage.send_photo(person=stage.bob, album="7"))
    await stage.quiet()
    assert sorted(await captions(stage), key=str) == [None, "Rome"]


async def test_a_caption_beside_something_else_in_the_album_counts_too(stage_with):
    stage = await stage_with(limits=PATIENT)
    photo = stage.send_photo(album="7")
    await waits(stage)
    message = stage.world.post_message(
        stage.world.chats[stage.alice],
        stage.world.users[stage.alice].user_object(),
        {
            "document": {"file_id": "x", "file_unique_id": "y", "file_name": "a.pdf"},
            "media_group_id": "7",
            "caption": "Rome",
        },
    )
    stage.world.updates.put("message", message)
    await stage.joke(photo)
    assert await captions(stage) == ["Rome"]


@pytest.mark.parametrize("place", [0, 2])
async def test_in_groups_one_photo_that_calls_the_bot_calls_it_for_all(stage_with, three, place):
    stage = await stage_with(limits=PATIENT)
    said = [f"@{name(stage)} Rome" if number == place else None for number in range(3)]
    for photo in stage.world.send_album(stage.alice, stage.group, three, said):
        await stage.joke(photo)
    assert await captions(stage) == ["Rome"] * 3


async def test_in_groups_an_album_that_calls_nobody_is_left_alone(stage, three):
    album = stage.world.send_album(stage.alice, stage.group, three, ["Rome", None, None])
    await stage.quiet()
    assert [stage.answers(photo) for photo in album] == [[]] * 3


async def test_in_groups_a_call_that_comes_late_still_counts_after_a_restart(stage_with):
    stage = await stage_with(limits=PATIENT)
    first = stage.send_photo(chat=stage.group, album="7")
    await waits(stage)
    await stage.restart()
    await waits(stage)
    second = stage.send_photo("/joke Rome", chat=stage.group, album="7")
    await stage.joke(first)
    await stage.joke(second)
    await stage.quiet()
    assert await captions(stage) == ["Rome"] * 2
    assert [len(stage.answers(photo)) for photo in (first, second)] == [1, 1]


async def test_a_photo_of_an_album_that_is_pointed_at_has_the_albums_caption(stage, three):
    album = stage.world.send_album(stage.alice, stage.group, three, ["Rome", None, None])
    await stage.quiet()
    stage.world.send_text(stage.bob, stage.group, "/joke", reply_to=album[2]["message_id"])
    await stage.joke(album[2])
    assert await captions(stage) == ["Rome"]


async def test_the_caption_outlives_a_restart_after_its_own_photo_is_done(stage_with, monkeypatch):
    monkeypatch.setattr("bot.app.GRACE_S", 0.1)
    gate = asyncio.Event()
    stage = await stage_with(script=[StubReply()], answer=StubReply(gate=gate))
    await stage.joke(stage.send_photo("Rome", album="7"))
    await stage.quiet()
    others = [stage.send_photo(album="7") for _ in range(2)]
    await stage.until(lambda: len(stage.engine.asked) == 3)
    await stage.restart()
    gate.set()
    for photo in others:
        await stage.joke(photo)
    assert await captions(stage) == ["Rome"] * 3


@pytest.mark.parametrize(("bound", "value"), [("REMEMBERED_S", 0.0), ("MAX_ALBUMS", 0)])
async def test_albums_are_not_remembered_for_ever(stage, monkeypatch, bound, value):
    await stage.joke(stage.send_photo("Rome", album="7"))
    await stage.quiet()
    monkeypatch.setattr(f"bot.jokes.album_tracker.{bound}", value)
    await stage.joke(stage.send_photo(album="7"))
    assert await captions(stage) == ["Rome", None]


@pytest.mark.parametrize("slow", ["download", "engine"])
async def test_an_album_is_answered_in_the_order_of_its_photos(stage_with, three, slow):
    gate = asyncio.Event()
    script = [StubReply(gate=gate if slow == "engine" else None)]
    stage = await stage_with(script=script, engine={"in_flight": 8})
    if slow == "download":
        stage.sandbox.faults.add("download", "slow", delay_s=1.0)
    album = stage.world.send_album(stage.alice, stage.alice, three)
    if slow == "engine":
        await stage.until(lambda: len(stage.engine.asked) == 3)
        gate.set()
    jokes = [await stage.joke(photo) for photo in album]
    numbers = [joke["message_id"] for joke in jokes]
    assert numbers == sorted(numbers)


async def test_an_unreadable_photo_of_an_album_holds_up_no_other(stage, three):
    album = stage.world.send_album(stage.alice, stage.alice, [b"no picture", *three[1:]])
    answers = [await stage.answer(photo) for photo in album]
    numbers = [answer["message_id"] for answer in answers]
    assert numbers == sorted(numbers) and not callback_data(answers[0])
    assert [bool(callback_data(await stage.joke(photo))) for photo in album[1:]] == [True, True]


async def test_a_photo_that_hangs_holds_up_its_album_for_a_limited_time(stage_with, three, monkeypatch):
    monkeypatch.setattr("bot.jokes.album_turn.MAX_WAIT_S", 0.5)
    gate = asyncio.Event()
    stage = await stage_with(script=[StubReply(gate=gate)], engine={"in_flight": 8})
    album = stage.world.send_album(stage.alice, stage.alice, three)

    def jokes(_):
        return [photo for photo in album if any(callback_data(answer) for answer in stage.answers(photo))]

    assert len(await stage.world.wait_for(lambda world: jokes(world)[1:] and jokes(world), TIMEOUT_S)) == 2
    gate.set()
    await stage.world.wait_for(lambda world: len(jokes(world)) == 3, TIMEOUT_S)
