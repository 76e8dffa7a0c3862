"""The recogniser process as the bot uses it: its answers, its absence, and its restart."""

import asyncio
import os
import signal
import sys

import pytest

from bot.recognition import recogniser as module
from bot.recognition.recogniser import Recogniser, make_recogniser
from bot.runtime.child_process import start_child
from configs.prompts import NOTHING_SEEN
from configs.settings import ROOT, Settings

FAKE = """
import asyncio, socket
from bot.recognition.server import serve
bound = socket.socket()
bound.bind(("127.0.0.1", 0))
asked = []
def see(data):
    asked.append(data)
    if data == b"broken":
        raise ValueError("no picture")
    return {b"cat": "cat", b"fog": "", b"drawing": None}.get(data, f"number {len(asked)}")
asyncio.run(serve(bound, see))
"""


@pytest.fixture
async def started():
    """The processes that a recogniser has started."""
    return []


@pytest.fixture
async def recogniser(started):
    def start():
        started.append(start_child("recogniser", [sys.executable, "-c", FAKE], cwd=ROOT))
        return started[-1]

    recogniser = Recogniser(start)
    yield recogniser
    await recogniser.close()


async def test_a_photo_a_fog_and_a_drawing_are_told_apart(recogniser, started):
    assert await recogniser.see("1", b"cat") == "cat"
    assert await recogniser.see("2", b"fog") == NOTHING_SEEN
    assert await recogniser.see("3", b"drawing") is None
    assert len(started) == 1


async def test_a_photo_is_recognised_once(recogniser):
    first = await recogniser.see("same", b"any photo")
    assert first.startswith("number") and await recogniser.see("same", b"any photo") == first


async def test_a_broken_picture_has_no_answer_and_ends_nothing(recogniser, started):
    assert await recogniser.see("1", b"broken") is None
    assert await recogniser.see("1", b"cat") == "cat", "no answer is not remembered"
    assert len(started) == 1


async def test_a_process_that_has_ended_is_started_again(recogniser, started):
    await recogniser.start()
    os.killpg(os.getpgid(started[0].pid), signal.SIGKILL)
    await asyncio.to_thread(started[0].stop)
    assert await recogniser.see("1", b"cat") == "cat"
    assert len(started) == 2


async def test_a_process_that_does_not_start_costs_no_photo_its_joke(monkeypatch):
    attempts = []

    def start():
        attempts.append(start_child("recogniser", [sys.executable, "-c", "raise SystemExit('no torch here')"]))
        return attempts[-1]

    recogniser = Recogniser(start)
    assert await recogniser.see("1", b"cat") is None
    assert await recogniser.see("2", b"cat") is None
    assert len(attempts) == 1, "the next photo does not wait for another attempt"
    monkeypatch.setattr(module, "RESTART_DELAY_S", 0.0)
    recogniser._not_before = 0.0
    assert await recogniser.see("3", b"cat") is None and len(attempts) == 2
    await recogniser.close()


def test_without_the_setting_there_is_none():
    assert make_recogniser(Settings()) is None
