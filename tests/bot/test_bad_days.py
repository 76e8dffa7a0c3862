"""Failures of the machine, the disk or the clock: nothing is lost, and fatal ones are reported."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from bot.maintenance import database_upkeep, erasure_job
from bot.runtime import periodic
from bot.sandbox.server import Sandbox
from bot.telegram import polling
from storage.database import Database
from tests.bot.database_lock import locked

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"


def polls(stage, since: int = 0) -> int:
    return len(stage.calls("getUpdates")) - since


async def run_bot(sandbox: Sandbox, folder: Path) -> tuple[int, str]:
    """Run `jokebot run` until it exits; returns its exit code and output."""
    environment = {
        **os.environ,
        "JOKEBOT_STORAGE_DIRECTORY": str(folder),
        "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
        "JOKEBOT_TELEGRAM_BASE_URL": sandbox.url,
        "JOKEBOT_ENGINE_URL": "http://127.0.0.1:9/v1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output.decode()


async def test_on_a_full_disk_updates_stay_with_telegram_until_there_is_room(stage, monkeypatch):
    monkeypatch.setattr(polling, "STORE_PAUSE_S", 0.05)
    await stage.joke(stage.send_photo())
    await stage.quiet()
    writer = stage.app.database._writer
    async with stage.app.database.write() as connection:
        # Fill the file's free pages, which could still store rows.
        await connection.execute("CREATE TABLE filler AS SELECT zeroblob(200000) AS filling")
    async with writer.execute("PRAGMA page_count") as cursor:
        pages = (await cursor.fetchone())[0]
    await writer.execute(f"PRAGMA max_page_count = {pages}")
    before, photo = polls(stage), stage.send_photo("x" * 1000)
    more = [stage.world.send_text(stage.bob, stage.bob, "word " * 800) for _ in range(30)]
    await stage.world.wait_for(lambda _: polls(stage, before) > 4, 60)
    assert len(stage.world.updates) > 0, "Telegram was told to forget what could not be stored"
    await writer.execute("PRAGMA max_page_count = 1000000")
    await stage.joke(photo)
    for message in more[:5]:
        await stage.answer(message)


async def test_while_another_process_locks_the_database_updates_stay_with_telegram(stage_with, monkeypatch):
    monkeypatch.setattr(polling, "STORE_PAUSE_S", 0.05)
    stage = await stage_with()
    joke = await stage.joke(stage.send_photo())
    await stage.quiet()
    async with locked(stage):
        before, photo = polls(stage), stage.send_photo(person=stage.bob)
        query = stage.world.press(
            stage.alice,
            joke["chat"]["id"],
            joke["message_id"],
            joke["reply_markup"]["inline_keyboard"][0][0]["callback_data"],
        )
        await stage.world.wait_for(lambda _: polls(stage, before) > 2, 60)
        assert await stage.value("SELECT count(*) FROM inbox WHERE state = 'pending'") == 0
    await stage.joke(photo)
    assert (await stage.world.wait_for_answer(query, 30))["text"] == stage.words("rated", emoji="😂")
    assert await stage.value("SELECT value FROM ratings") == 3


async def test_housekeeping_that_meets_a_locked_database_does_not_end_the_bot(stage_with, monkeypatch):
    monkeypatch.setattr(database_upkeep, "PRUNE_EVERY_S", 0.05)
    monkeypatch.setattr(erasure_job, "ERASE_EVERY_S", 0.05)
    stage = await stage_with()
    await stage.quiet()
    async with locked(stage):
        failed = warned_of(monkeypatch, "prune-inbox", "erasure")
        await asyncio.wait_for(failed.wait(), 30)
    await stage.joke(stage.send_photo())


def warned_of(monkeypatch, *jobs) -> asyncio.Event:
    """An event, set after a warning about each of these jobs."""
    waiting, all_warned = set(jobs), asyncio.Event()

    def warning(_: str, job: str, *more: object) -> None:
        waiting.discard(job)
        if not waiting:
            all_warned.set()

    monkeypatch.setattr(periodic.log, "warning", warning)
    return all_warned


@pytest.mark.parametrize("damage", ["middle", "beginning", "cut"])
async def test_a_damaged_database_stops_the_bot_and_says_how_to_restore_it(tmp_path, damage):
    folder = tmp_path / "data"
    database = await Database.open(folder / "jokebot.sqlite3")
    async with database.write() as connection:
        await connection.executemany(
            "INSERT INTO inbox (update_id, payload, state, received_at) VALUES (?, ?, 'done', 0)",
            [(number, "x" * 500) for number in range(400)],
        )
    await database.close()
    content = bytearray(database.path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        start = 4096 * 20 if damage == "middle" else 0
        content[start : start + 40_000] = b"\xa5" * 40_000
    database.path.write_bytes(content)
    async with Sandbox.running(port=0, token=TOKEN) as sandbox:
        code, output = await run_bot(sandbox, folder)
    assert code == 2
    assert "jokebot restore" in output and "Traceback" not in output, output
    assert len(database.path.read_bytes()) >= len(content), "the damaged file was thrown away"


async def test_a_second_bot_on_the_same_data_folder_is_refused_before_it_speaks(stage, tmp_path):
    async with Sandbox.running(port=0, token=TOKEN) as other:
        code, output = await run_bot(other, stage.settings.storage.directory)
        assert (code, other.calls) == (2, other.calls.__class__(maxlen=other.calls.maxlen))
    assert "Another bot is at work" in output and "Traceback" not in output
    await stage.joke(stage.send_photo())


@pytest.mark.parametrize("jump_s", [-86400.0, 86400.0, 8 * 86400.0, -3.0e8])
async def test_a_clock_that_jumps_changes_nothing(stage, monkeypatch, jump_s):
    joke = await stage.joke(stage.send_photo())
    await stage.quiet()
    real = time.time
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: real() + jump_s)
        later = await stage.joke(stage.send_photo())
        assert await stage.press(joke, 0) == stage.words("rated", emoji="😂")
        assert await stage.press(later, 2) == stage.words("rated", emoji="😐")
        await stage.quiet()
    again = stage.send_photo()
    await stage.joke(again)
    assert await stage.press(joke, 1) == stage.words("rated", emoji="🙂")
    await stage.quiet()
    assert len(stage.answers(again)) == 1
    assert await stage.value("SELECT value FROM ratings WHERE joke_id = 1") == 2


async def test_when_telegram_fails_for_a_while_nothing_that_was_sent_meanwhile_is_lost(stage):
    joke = await stage.joke(stage.send_photo())
    for kind in ("502", "cut", "500"):
        stage.sandbox.faults.add(None, kind, times=None, probability=0.5, seed=len(kind))
    photos_sent = [stage.send_photo(person=person) for person in (stage.alice, stage.bob, stage.ming)]
    query = stage.world.press(
        stage.alice,
        joke["chat"]["id"],
        joke["message_id"],
        joke["reply_markup"]["inline_keyboard"][0][2]["callback_data"],
    )
    before = len(stage.sandbox.calls)
    await stage.world.wait_for(lambda _: sum(call.status != 200 for call in list(stage.sandbox.calls)[before:]) > 8, 60)
    stage.sandbox.faults.clear()
    for photo in photos_sent:
        await stage.joke(photo)
    await stage.world.wait_for_answer(query, 60)
    assert await stage.value("SELECT value FROM ratings") == 1
