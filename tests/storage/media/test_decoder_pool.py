"""Decoder processes: what they may cost, who goes first, and what a file that ends one leaves behind."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.hostile_files import run_length_bmp
from configs.settings import LimitSettings
from storage.media.decode_worker import DecodeLimits
from storage.media.decoder_pool import DecoderKilled, DecoderPool, start_decoder
from storage.media.photos import PhotoError, check_photo
from tests.bot.conftest import make_picture
from tests.waiting import until

ALICE, BOB, MING = 1, 2, 3


@asynccontextmanager
async def running(**limits):
    pool = DecoderPool(LimitSettings(**limits))
    try:
        yield pool
    finally:
        await pool.close()


def decoders(pid: int | None = None) -> list[int]:
    """The decoder processes that this process has started."""
    children = Path(f"/proc/{pid or os.getpid()}/task/{pid or os.getpid()}/children").read_text().split()
    return [int(child) for child in children if b"decode_worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def slow_picture() -> Callable[[int], bytes]:
    """Makes pictures that take half a second or more of CPU time, each number another one."""
    png = make_picture((7000, 7000), 7, "PNG", "L")
    return lambda number: png + bytes([number])


async def test_a_decoder_gives_what_a_check_in_this_process_gives():
    async with running() as pool:
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
            data = make_picture(kind=kind)
            assert await pool.check(data, ALICE) == check_photo(data, max_bytes=10**6, max_pixels=10**6)


async def test_a_refused_file_has_its_reason_and_its_decoder_goes_on():
    async with running(photo_bytes=5000) as pool:
        for data, reason in ((b"text" * 99, "not_a_picture"), (b"x" * 9999, "too_many_bytes"), (b"", "empty")):
            with pytest.raises(PhotoError) as caught:
                await pool.check(data, ALICE)
            assert caught.value.reason == reason
        assert len(decoders()) == 1
        assert (await pool.check(make_picture(), ALICE)).width == 320


async def test_decoders_are_started_once_and_stay():
    async with running(decoders=2) as pool:
        await pool.start()
        await pool.start()
        first = decoders()
        assert len(first) == 2
        await asyncio.gather(*(pool.check(make_picture(colour=(user, 9, 9)), user) for user in range(6)))
        assert decoders() == first
    assert decoders() == []


async def test_a_file_that_uses_up_its_cpu_time_is_refused_and_a_new_decoder_takes_over(caplog):
    async with running(photo_cpu_s=0.01, decoders=1) as pool:
        # The kernel counts whole seconds of the process, so one of these crosses the next one.
        with pytest.raises(DecoderKilled) as caught:
            for _ in range(20):
                await pool.check(run_length_bmp(1500, 950), ALICE)
        assert caught.value.reason == "too_costly"
        assert f"exit code {-signal.SIGXCPU}" in caplog.text
        assert (await pool.check(make_picture(), ALICE)).width == 320


async def test_a_file_that_killed_a_decoder_is_known_when_it_comes_again(slow_picture):
    async with running(decoders=1) as pool:
        await pool.start()
        first = decoders()
        bomb = slow_picture(0)
        check = asyncio.create_task(pool.check(bomb, ALICE))
        await until(lambda: pool._busy)
        os.kill(first[0], signal.SIGKILL)
        with pytest.raises(DecoderKilled):
            await check
        started = time.monotonic()
        with pytest.raises(DecoderKilled):
            await pool.check(bomb, BOB)
        assert time.monotonic() - started < 0.2
        assert (await pool.check(make_picture(), BOB)).width == 320 and decoders() != first


async def test_a_decoder_that_dies_while_it_is_idle_costs_no_photo():
    async with running(decoders=1) as pool:
        await pool.start()
        os.kill(decoders()[0], signal.SIGKILL)
        await until(lambda: not pool._idle[0].running)
        assert (await pool.check(make_picture(), ALICE)).width == 320


async def test_a_picture_that_needs_more_memory_than_the_limit_is_refused_and_not_decoded():
    async with running(photo_memory_mb=60) as pool:
        with pytest.raises(PhotoError) as caught:
            await pool.check(make_picture((5000, 5000), (1, 2, 3, 4), "PNG", "RGBA"), ALICE)
        assert caught.value.reason == "too_costly" and not isinstance(caught.value, DecoderKilled)


async def test_the_kernel_gives_a_decoder_no_more_memory_than_the_limit():
    """The header is right, but the limit on the address space is what counts."""
    decoder = await start_decoder()
    try:
        limits = DecodeLimits(10**8, 10**9, 1_000_000, 10.0)
        with pytest.raises(PhotoError):
            await decoder.work(make_picture((9000, 9000), (1, 2, 3), "PNG"), limits, None)
    finally:
        await decoder.kill()


async def test_a_user_has_one_photo_at_a_decoder_so_others_find_one_free(slow_picture):
    async with running(decoders=2) as pool:
        await pool.start()
        slow = [asyncio.create_task(pool.check(slow_picture(number), ALICE)) for number in range(4)]
        await until(lambda: pool._busy)
        assert len(pool._busy) == 1
        assert (await pool.check(make_picture(), BOB)).width == 320
        assert not slow[1].done()
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_a_users_second_photo_goes_behind_anothers_first():
    async with running(decoders=1) as pool:
        order = []

        async def check(user: int, name: str) -> None:
            await pool.check(make_picture((16 + len(order), 16 + user)), user)
            order.append(name)

        sent = ((ALICE, "a1"), (ALICE, "a2"), (ALICE, "a3"), (BOB, "b1"))
        await asyncio.gather(*(check(user, name) for user, name in sent))
        assert order == ["a1", "b1", "a2", "a3"] and not pool._turns


async def test_a_stop_ends_waiting_and_decoding_within_seconds(slow_picture):
    async with running(decoders=1) as pool:
        await pool.start()
        checks = [asyncio.create_task(pool.check(slow_picture(user), user)) for user in range(5)]
        await until(lambda: pool._busy)
        started = time.monotonic()
        pool.stop()
        await asyncio.wait(checks)
        assert time.monotonic() - started < 6
        assert sum(check.cancelled() for check in checks) >= 4
        with pytest.raises(asyncio.CancelledError):
            await pool.check(make_picture(), ALICE)


async def test_a_decoder_knows_no_token_and_writes_no_file(monkeypatch):
    monkeypatch.setenv("JOKEBOT_TELEGRAM_TOKEN", "123:secret")
    decoder = await start_decoder()
    try:
        await decoder.work(make_picture(), DecodeLimits(10**6, 10**6, 10**8, 10.0), None)
        assert "secret" not in proc(decoder.pid, "environ")
        limits = proc(decoder.pid, "limits")
        assert [line.split()[-3:-1] for line in limits.splitlines() if line.startswith("Max file size")] == [["0", "0"]]
    finally:
        await decoder.kill()


def test_decoders_end_with_a_process_that_is_killed():
    script = (
        "import asyncio\n"
        "from storage.media.decoder_pool import DecoderPool\n"
        "from configs.settings import LimitSettings\n"
        "async def main():\n"
        "    pool = DecoderPool(LimitSettings())\n"
        "    await pool.start()\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert parent.stdout.readline() == b"ready\n"
        started = decoders(parent.pid)
        assert len(started) == 2
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    deadline = time.monotonic() + 20
    while any(is_running(pid) for pid in started):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.filterwarnings("error")
async def test_a_large_photo_leaves_its_decoder_small():
    async with running(decoders=1) as pool:
        await pool.check(make_picture((7000, 7000), (1, 2, 3)), ALICE)
        resident = int(proc(decoders()[0], "statm").split()[1]) * os.sysconf("SC_PAGESIZE")
        assert resident < 80_000_000


async def test_stored_pictures_are_made_smaller_one_at_a_time_beside_users_photos(slow_picture):
    async with running(decoders=2) as pool:
        small = await pool.reduce(make_picture((3000, 2000), (10, 200, 30)), 320)
        assert Image.open(io.BytesIO(small)).size == (320, 213)
        square = await pool.reduce(make_picture((900, 300), (9, 9, 9), "PNG", "RGBA"), 160, square=True)
        assert Image.open(io.BytesIO(square)).size == (160, 160)
        with pytest.raises(PhotoError):
            await pool.reduce(b"no picture", 320)
        reducing = [asyncio.create_task(pool.reduce(slow_picture(number), 320)) for number in range(4)]
        assert (await pool.check(make_picture(), BOB)).width == 320
        assert not all(task.done() for task in reducing)
        for task in reducing:
            task.cancel()


async def test_a_stored_picture_that_takes_too_long_to_make_smaller_ends_a_decoder_and_not_the_bot():
    async with running(photo_cpu_s=0.01, decoders=1) as pool:
        with pytest.raises(DecoderKilled):
            for _ in range(20):
                await pool.reduce(run_length_bmp(1500, 950), 320)
        assert (await pool.check(make_picture(), ALICE)).width == 320
