"""While another process locks the database, or the disk is full: what users read is true, and nothing is given up."""

import asyncio
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.engine.stub.engine import StubReply
from storage import write_retry
from storage.chat import inbox, jokes
from storage.media import photos
from tests.bot.conftest import callback_data, make_picture
from tests.bot.database_lock import locked

SLOW = "A slow joke that comes word by word"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(write_retry, "LONGEST_PAUSE_S", 0.5)


def texts(stage, message) -> list[str]:
    return [reply["text"] for reply in stage.answers(message)]


async def failed_updates(stage) -> int:
    return await stage.value("SELECT count(*) FROM inbox WHERE state = 'failed'")


async def failed_writes(caplog, count: int) -> None:
    """Wait until so many writes have been refused."""
    for _ in range(6000):
        if sum("can't be written" in record.message for record in caplog.records) >= count:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(f"{count} writes were not refused")


async def test_jokes_that_are_written_while_the_database_is_locked_come_once_it_is_free(stage_with, caplog):
    stage = await stage_with(answer=StubReply(SLOW, token_s=0.15))
    people = [stage.alice, stage.bob, stage.ming]
    sent = [stage.send_photo(person=person, data=make_picture(colour=(person % 250, 7, 7))) for person in people]
    await stage.until(lambda: stage.engine.requests == 3)
    async with locked(stage):
        await failed_writes(caplog, 3)
        await stage.world.wait_for(lambda _: all(texts(stage, photo) for photo in sent), 60)
        for photo in sent:
            assert not [reply for reply in stage.answers(photo) if callback_data(reply)]
    for photo in sent:
        joke = await stage.joke(photo)
        assert joke["text"] == SLOW
    await stage.quiet()
    for photo in sent:
        assert [text for text in texts(stage, photo) if text not in (SLOW, stage.words("storage-wait"))] == []
        assert texts(stage, photo).count(SLOW) == 1
    assert await failed_updates(stage) == 0
    assert await stage.value("SELECT count(*) FROM jokes") == stage.engine.requests == 3


async def test_a_joke_that_is_shown_but_not_stored_keeps_its_message(stage_with, caplog):
    """The whole joke has been streamed: its message then says that it has to wait, and gets its buttons later."""
    stage = await stage_with(answer=StubReply(SLOW, token_s=0.3))
    photo = stage.send_photo()
    await stage.answer(photo)
    await stage.until(lambda: bool(texts(stage, photo)))
    async with locked(stage):
        await stage.answer(photo, lambda reply: stage.words("storage-wait") in reply["text"])
        assert texts(stage, photo) == [f"{SLOW}\n\n{stage.words('storage-wait')}"]
    assert (await stage.joke(photo))["text"] == SLOW
    await stage.quiet()
    assert texts(stage, photo) == [SLOW]
    assert await stage.value("SELECT count(*) FROM deliveries") == 1


async def test_a_delivery_that_cannot_be_recorded_is_recorded_later(stage, monkeypatch):
    refused = 3

    async def refuse(*arguments, **more):
        nonlocal refused
        if refused:
            refused -= 1
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        await jokes.add_delivery(*arguments, **more)

    monkeypatch.setattr("bot.handlers.joke_delivery.add_delivery", refuse)
    photo = stage.send_photo()
    joke = await stage.joke(photo)
    await stage.quiet()
    assert refused == 0
    assert len(texts(stage, photo)) == 1
    assert await stage.value("SELECT message_id FROM deliveries") == joke["message_id"]


async def test_on_a_full_disk_jokes_wait_and_none_is_given_up(stage_with, caplog):
    gate = asyncio.Event()
    stage = await stage_with(answer=StubReply("A joke", gate=gate))
    sent = [stage.send_photo("long " * 190, data=make_picture(colour=(number, 7, 7))) for number in range(8)]
    await stage.until(lambda: stage.engine.requests == 8)
    writer = stage.app.database._writer
    async with stage.app.database.write() as connection:
        # Fill the file's free pages, which could still store rows.
        await connection.execute("CREATE TABLE filler AS SELECT zeroblob(200000) AS filling")
    await writer.execute_fetchall("PRAGMA max_page_count = 1")
    gate.set()
    await failed_writes(caplog, 2)
    assert await failed_updates(stage) == 0
    await writer.execute_fetchall("PRAGMA max_page_count = 1000000")
    for photo in sent:
        await stage.joke(photo)
    await stage.quiet()
    for photo in sent:
        assert [text for text in texts(stage, photo) if text not in ("A joke", stage.words("storage-wait"))] == []
        assert texts(stage, photo).count("A joke") == 1
    waits = [
        message for message in stage.world.messages(stage.alice) if message.get("text") == stage.words("storage-wait")
    ]
    assert len(waits) == 1, "one notice for the chat"
    assert await failed_updates(stage) == 0


async def test_a_photo_that_the_disk_has_no_room_for_is_answered_when_it_has(stage, monkeypatch):
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(photos, "_write_once", full)
        first = stage.send_photo()
        second = stage.send_photo(data=make_picture(colour=(1, 2, 3)))
        told = await stage.answer(first)
        assert told["text"] == stage.words("storage-wait")
        assert await stage.value("SELECT count(*) FROM photos") == 0
        assert not texts(stage, second), "one notice for both"
    for photo in (first, second):
        await stage.joke(photo)
    await stage.quiet()
    assert await failed_updates(stage) == 0


async def test_a_rating_that_cannot_be_stored_says_so_and_is_stored_later(stage_with):
    stage = await stage_with()
    joke = await stage.joke(stage.send_photo())
    await stage.quiet()
    original = inbox.add_updates

    async def store(*arguments):
        new = await original(*arguments)
        await lock.enter_async_context(locked(stage))
        return new

    async with AsyncExitStack() as lock:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(inbox, "add_updates", store)
            assert await stage.press(joke, 0) == stage.words("button-wait")
        assert await stage.value("SELECT count(*) FROM ratings") == 0
    await stage.shows(joke, "😂 1", "🙂", "😐", "🔁")
    await stage.quiet()
    assert await stage.value("SELECT value FROM ratings") == 3
    assert await failed_updates(stage) == 0


async def test_a_stop_during_the_trouble_leaves_the_update_for_the_next_start(stage, monkeypatch):
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(photos, "_write_once", full)
        photo = stage.send_photo(data=make_picture(colour=(9, 9, 9)))
        await stage.answer(photo)
        await stage.process.aclose()
    await stage.restart()
    await stage.joke(photo)
    await stage.quiet()
    assert texts(stage, photo).count(stage.words("storage-wait")) == 1
