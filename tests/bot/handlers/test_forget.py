"""/forget wipes a person out, after asking, and nobody else."""

import asyncio
from dataclasses import replace

import pytest

from bot.engine.stub.engine import StubReply
from bot.telegram.client import TelegramClient
from tests.bot.conftest import make_picture
from tests.waiting import until


async def ask(stage, person, chat=None):
    """Send /forget; the bot's question, with its buttons."""
    return await stage.joke(stage.world.send_text(person, chat or person, "/forget"))


async def says(stage, message, text):
    """Wait until a message of the bot's says that, without buttons."""

    def there(world):
        now = world.message(message["chat"]["id"], message["message_id"])
        return now["text"] == text and "reply_markup" not in now

    await stage.world.wait_for(there, 60)


async def test_everything_of_a_person_goes_after_a_yes(stage, picture):
    joke = await stage.joke(stage.send_photo())
    kept = await stage.joke(stage.send_photo(person=stage.bob, data=picture(colour=(1, 200, 3))))
    await stage.press(joke, 0)
    await stage.press(kept, 0, person=stage.bob)
    question = await ask(stage, stage.alice)
    assert question["text"] == stage.words("forget-ask")
    assert stage.labels(question) == [stage.words("forget-yes"), stage.words("forget-no")]
    await stage.press(question, 0)
    await says(stage, question, stage.words("forget-done", photos=1, jokes=1, ratings=1))
    for table in ("photo_senders", "jokes", "ratings"):
        assert await stage.value(f"SELECT group_concat(person_id) FROM {table}") == str(stage.bob)
    assert len(list(stage.settings.storage.photos.rglob("*.jpg"))) == 1


async def test_a_no_touches_nothing(stage):
    await stage.joke(stage.send_photo())
    question = await ask(stage, stage.alice)
    await stage.press(question, 1)
    await says(stage, question, stage.words("forget-kept"))
    assert await stage.value("SELECT count(*) FROM jokes") == 1


async def test_nobody_can_have_another_person_forgotten(stage):
    await stage.joke(stage.send_photo())
    question = await ask(stage, stage.alice, stage.group)
    assert await stage.press(question, 0, person=stage.bob) == stage.words("forget-not-yours")
    mine = await ask(stage, stage.bob)
    assert await stage.press_data(mine, f"f:{stage.alice}:yes", person=stage.bob, forged=True) == stage.words(
        "forget-not-yours"
    )
    assert await stage.value("SELECT count(*) FROM jokes") == 1


async def test_a_stranger_is_told_that_there_is_nothing(stage):
    question = await ask(stage, stage.ming)
    assert question["text"] == stage.words("forget-ask", "zh")
    await stage.press(question, 0, person=stage.ming)
    await says(stage, question, stage.words("forget-nothing", "zh"))


async def test_after_being_forgotten_a_person_starts_afresh(stage):
    await stage.joke(stage.send_photo())
    question = await ask(stage, stage.alice)
    await stage.press(question, 0)
    await says(stage, question, stage.words("forget-done", photos=1, jokes=1, ratings=0))
    await stage.joke(stage.send_photo())
    assert await stage.value("SELECT count(*) FROM photos") == 1


async def test_what_a_kill_left_undone_is_done_at_the_next_start(stage):
    folder = stage.settings.storage.photos / "ab"
    folder.mkdir(parents=True)
    (folder / ("ab" * 32 + ".jpg")).write_bytes(b"abandoned")
    async with stage.app.database.write() as connection:
        await connection.execute("INSERT INTO abandoned_files VALUES (?)", ("ab" * 32,))
    await stage.restart()

    async def is_done() -> bool:
        return not await stage.value("SELECT count(*) FROM abandoned_files")

    await until(is_done)
    assert not list(folder.iterdir())
    assert not list(folder.iterdir())


async def test_what_is_too_old_goes_by_the_hourly_pass(stage_with):
    stage = await stage_with(retention={"photos_days": 30})
    await stage.joke(stage.send_photo())
    async with stage.app.database.write() as connection:
        for table, column in (("photos", "created_at"), ("photo_senders", "sent_at")):
            await connection.execute(f"UPDATE {table} SET {column} = {column} - 40 * 86400")
    await stage.restart()
    await stage.until(lambda: not list(stage.settings.storage.photos.rglob("*.jpg")))
    assert await stage.value("SELECT count(*) FROM jokes") == 0


def traces(stage, *texts):
    """The files of the data folder that contain one of the texts."""
    files = [file for file in stage.settings.storage.directory.rglob("*") if file.is_file()]
    return [(file.name, text) for file in files for text in texts if text.encode() in file.read_bytes()]


async def test_nothing_of_a_person_stays_in_any_file_while_the_bot_runs(stage_with):
    stage = await stage_with(StubReply("UNIQUEJOKETEXT about it"))
    person = stage.world.add_user("Zyxwvut Personname").id
    texts = ("Zyxwvut", "captionqqzzxx", "UNIQUEJOKETEXT")
    joke = await stage.joke(stage.send_photo("captionqqzzxx", person=person))
    await stage.press(joke, 0, person=person)
    await stage.answer(stage.world.send_text(person, person, "/help"))
    await stage.quiet()
    assert {text for _, text in traces(stage, *texts)} >= {"captionqqzzxx", "UNIQUEJOKETEXT"}
    question = await ask(stage, person)
    await stage.press(question, 0, person=person)
    await says(stage, question, stage.words("forget-done", photos=1, jokes=1, ratings=1))
    assert traces(stage, *texts) == []
    await stage.quiet()
    assert traces(stage, *texts) == []


async def test_photos_in_work_end_without_a_word_and_leave_nothing(stage_with, caplog):
    gate = asyncio.Event()
    stage = await stage_with(replace(StubReply("UNIQUEJOKETEXT about it"), gate=gate))
    photos = [stage.send_photo("captionqqzzxx") for _ in range(3)]

    async def is_stored() -> bool:
        return await stage.value("SELECT count(*) FROM photo_senders") == 1 and bool(stage.engine.requests)

    await until(is_stored)
    question = await ask(stage, stage.alice)
    await stage.press(question, 0)
    await says(stage, question, stage.words("forget-done", photos=1, jokes=0, ratings=0))
    gate.set()
    await stage.quiet()
    await until(lambda: not any(stage.answers(photo) for photo in photos))
    assert await stage.value("SELECT count(*) FROM jokes") == 0
    assert await stage.value("SELECT count(*) FROM inbox WHERE state = 'failed'") == 0
    assert "Traceback" not in caplog.text
    assert traces(stage, "captionqqzzxx", "UNIQUEJOKETEXT") == []


@pytest.mark.parametrize("album", [False, True])
async def test_photos_that_are_being_downloaded_store_nothing_and_end_without_a_word(stage, monkeypatch, caplog, album):
    gate, waiting, original = asyncio.Event(), asyncio.Event(), TelegramClient.fetch_file

    async def fetch_file(self, *file) -> bytes:
        data = await original(self, *file)
        waiting.set()
        await gate.wait()
        return data

    with monkeypatch.context() as patched:
        patched.setattr(TelegramClient, "fetch_file", fetch_file)
        pictures = [make_picture((320, 240 + number)) for number in range(2)]
        photos = (
            stage.world.send_album(stage.alice, stage.alice, pictures)
            if album
            else [stage.send_photo("captionqqzzxx", data=data) for data in pictures]
        )
        await asyncio.wait_for(waiting.wait(), 60)
        question = await ask(stage, stage.alice)
        await stage.press(question, 0)
        await says(stage, question, stage.words("forget-nothing"))
        gate.set()
        await stage.quiet()

        async def is_idle() -> bool:
            return not stage.app.updates._work

        await until(is_idle)
    assert not any(stage.answers(photo) for photo in photos) and not stage.engine.requests
    for table in ("photos", "photo_senders", "jokes", "albums"):
        assert await stage.value(f"SELECT count(*) FROM {table}") == 0
    assert not list(stage.settings.storage.photos.rglob("*.jpg"))
    assert "Traceback" not in caplog.text
    assert traces(stage, "captionqqzzxx") == []
    await stage.joke(stage.send_photo())


async def test_a_photo_that_another_user_sent_too_stays_theirs(stage, monkeypatch):
    data = make_picture()
    await stage.joke(stage.send_photo(person=stage.bob, data=data))
    gate, original = asyncio.Event(), TelegramClient.fetch_file

    async def fetch_file(self, *file) -> bytes:
        await gate.wait()
        return await original(self, *file)

    monkeypatch.setattr(TelegramClient, "fetch_file", fetch_file)
    stage.send_photo(data=data)

    async def is_received() -> bool:
        return await stage.value("SELECT count(*) FROM inbox WHERE state = 'pending'") == 1

    await until(is_received)
    question = await ask(stage, stage.alice)
    await stage.press(question, 0)
    gate.set()
    await stage.quiet()
    await until(lambda: not stage.app.updates._work)
    assert await stage.value("SELECT person_id FROM photo_senders") == stage.bob
    assert len(list(stage.settings.storage.photos.rglob("*.jpg"))) == 1
