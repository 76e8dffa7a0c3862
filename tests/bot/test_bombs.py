"""Files that cost much to decode: nobody else waits for them, a stop doesn't, and a restart doesn't repeat them."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from benchmarks.bot_process import bot_process
from benchmarks.hostile_files import BOMBS, encoded, ordinary_files, photo, repeated_scans
from bot import app
from bot.engine.stub.engine import StubEngine
from bot.jokes.photo_intake import KILLED_NOTE
from bot.sandbox.server import Sandbox
from storage.media.decoder_pool import DecoderKilled, DecoderPool
from tests.bot.conftest import FAST, TOKEN, callback_data, make_picture
from tests.waiting import until

RAISED = {f"JOKEBOT_LIMITS_{name.upper()}": str(value) for name, value in FAST["limits"].items()}


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if b"decode_worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def cpu_ticks(pid: int) -> int:
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


async def stopped_at_work(bot: int, before: dict[int, int]) -> int:
    """Stop the decoder that works, as if it took for ever; returns its process id."""
    found: list[int] = []

    def works() -> bool:
        found[:] = [child for child in children(bot) if cpu_ticks(child) > before.get(child, 0) + 5]
        return bool(found)

    await until(works)
    os.kill(found[0], signal.SIGSTOP)
    return found[0]


@pytest.mark.parametrize("kind", ["repeated scans", "tiles of one pixel", "run lengths", "tiny WebP", "APNG frames"])
async def test_a_bomb_is_refused_with_a_text_and_another_users_photo_is_answered(stage, kind):
    bomb = stage.world.send_document(stage.bob, stage.bob, BOMBS[kind](), "a.jpg", "image/jpeg")
    await stage.joke(stage.send_photo())
    answer = await stage.answer(bomb)
    assert answer["text"] == stage.words("photo-too_costly")
    assert await stage.value("SELECT count(*) FROM photos") == 1


async def test_a_jpeg_with_more_scans_than_usual_is_stored_with_one(stage):
    await stage.joke(stage.send_photo(data=repeated_scans(400, 30, "RGB")))
    stored = next(stage.settings.storage.photos.rglob("*.jpg"))
    assert await asyncio.to_thread(lambda: stored.read_bytes().count(b"\xff\xda")) == 1


async def test_one_users_slow_files_leave_a_decoder_to_others(stage):
    slow = encoded(photo((4000, 3000), 1), "WEBP", method=0)
    sent = [
        stage.world.send_document(stage.bob, stage.bob, slow + bytes([number]), "a.webp", "image/webp")
        for number in range(8)
    ]
    pool = stage.part(DecoderPool)
    await until(lambda: pool._busy)
    await stage.joke(stage.send_photo())
    assert sum(bool(stage.answers(one)) for one in sent) < 8
    for one in sent:
        await stage.joke(one)


@pytest.mark.parametrize(("name", "data"), ordinary_files(6), ids=lambda value: value if isinstance(value, str) else "")
async def test_ordinary_files_become_photos(stage, name, data):
    await stage.joke(stage.world.send_document(stage.bob, stage.bob, data, "file", "image/unknown"))


async def test_a_stop_and_a_new_start_do_not_wait_for_a_decoder_that_hangs(tmp_path):
    slow = encoded(photo((4000, 3000), 1), "WEBP", method=0)
    async with Sandbox.running(port=0, token=TOKEN) as sandbox, StubEngine.running() as engine:
        alice, bob = list(sandbox.world.users)[:2]
        world, data = sandbox.world, tmp_path / "data"

        async def joke(message):
            await world.wait_for(
                lambda _: [
                    one
                    for one in world.messages(message["chat"]["id"])
                    if callback_data(one) and one["reply_to_message"]["message_id"] == message["message_id"]
                ],
                60,
            )

        async with bot_process(sandbox.url, engine.url, data, TOKEN, RAISED) as process:
            await joke(world.send_photo(alice, alice, make_picture()))
            before = {child: cpu_ticks(child) for child in children(process.pid)}
            late = world.send_document(bob, bob, slow, "a.webp", "image/webp")
            decoder = await stopped_at_work(process.pid, before)
            await joke(world.send_photo(alice, alice, make_picture(colour=(1, 2, 3))))
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0
            assert time.monotonic() - started < 8
            assert not await asyncio.to_thread(Path(f"/proc/{decoder}").exists)
        async with bot_process(sandbox.url, engine.url, data, TOKEN, RAISED):
            await joke(late)


async def test_a_file_that_killed_its_decoder_is_refused_and_forgotten(stage):
    pool = stage.part(DecoderPool)
    slow = encoded(photo((4000, 3000), 1), "WEBP", method=0)
    sent = stage.world.send_document(stage.bob, stage.bob, slow, "a.webp", "image/webp")
    await until(lambda: pool._busy)
    os.kill(next(iter(pool._busy.values())).pid, signal.SIGKILL)
    assert (await stage.answer(sent))["text"] == stage.words("photo-too_costly")
    await stage.quiet()
    await stage.restart()
    await stage.joke(stage.send_photo())
    assert len(stage.answers(sent)) == 1 and await stage.value("SELECT count(*) FROM photos") == 1


async def test_a_restart_before_the_refusal_was_sent_does_not_decode_again(stage, monkeypatch):
    checks = []

    async def check(self, data: bytes, user_id: int):
        checks.append(user_id)
        raise DecoderKilled

    monkeypatch.setattr(DecoderPool, "check", check)
    monkeypatch.setattr(app, "GRACE_S", 0.5)
    stage.sandbox.faults.add("sendMessage", "500", times=1000)
    sent = stage.send_photo(person=stage.bob)
    await until(lambda: checks)
    await until(lambda: stage.value(f"SELECT payload LIKE '%{KILLED_NOTE}%' FROM inbox"))
    await stage.process.aclose()
    stage.sandbox.faults.clear()
    await stage.restart()
    assert (await stage.answer(sent))["text"] == stage.words("photo-too_costly")
    assert checks == [stage.bob]
