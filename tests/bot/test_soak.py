"""A thousand photos from one person in a minute, a hundred people at once: everybody is served, memory stays flat.

SOAK_S sets how many seconds the people keep at it after that (CI: none; `SOAK_S=1800` is the long soak).
"""
import asyncio
import io
import os
import random
import sys
import time

import psutil
import pytest
from PIL import Image

from bot.engine.stub import StubEngine
from bot.sandbox.server import Sandbox
from bot.sandbox.world import callback_data

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"
SOAK_S = float(os.environ.get("SOAK_S", "0"))
PHOTOS = 1000
GROWTH_MB = 60


def new_photo(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.frombytes("RGB", (24, 24), random.Random(number).randbytes(1728)).save(buffer, "PNG")
    return buffer.getvalue()


def jokes(world, chat: int) -> list[dict]:
    return [message for message in world.messages(chat) if callback_data(message)]


@pytest.mark.timeout(600 + SOAK_S)
async def test_one_persons_thousand_photos_and_a_hundred_people_at_once(tmp_path):
    async with Sandbox.running(port=0, token=TOKEN, messages_kept=10_000) as sandbox, StubEngine.running() as engine:
        environment = {**os.environ, "JOKEBOT_STORAGE_DIRECTORY": str(tmp_path / "data"), "JOKEBOT_TELEGRAM_TOKEN": TOKEN, "JOKEBOT_LOG_LEVEL": "WARNING",
                       "JOKEBOT_TELEGRAM_BASE_URL": sandbox.url, "JOKEBOT_ENGINE_URL": engine.url,
                       "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "20", "JOKEBOT_LIMITS_MESSAGES_PER_S": "300"}
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "run", env=environment, stdout=asyncio.subprocess.DEVNULL)
        try:
            await soak(sandbox.world, psutil.Process(process.pid))
        finally:
            process.terminate()
            await process.wait()


async def soak(world, bot: psutil.Process) -> None:
    flooder, *crowd = [world.add_person(f"Person {number}").id for number in range(101)]
    for number in range(20):
        world.send_photo(crowd[number], crowd[number], new_photo(number))
    await world.wait_for(lambda _: all(jokes(world, person) for person in crowd[:20]), 120)
    before = bot.memory_info().rss
    for number in range(PHOTOS):
        world.send_photo(flooder, flooder, new_photo(1000 + number))
    sent = {person: world.send_photo(person, person, new_photo(5000 + person))["message_id"] for person in crowd}
    answered = dict.fromkeys(crowd, False)

    def crowd_is_served(_) -> bool:
        for person in crowd:
            answered[person] = answered[person] or any(joke["reply_to_message"]["message_id"] == sent[person] for joke in jokes(world, person))
        return all(answered.values())

    await world.wait_for(crowd_is_served, 240)
    await world.wait_for(lambda _: not len(world.updates), 240)
    told = len(jokes(world, flooder))
    others = [message for message in world.messages(flooder) if message["from"]["is_bot"] and not callback_data(message)]
    assert told >= 20
    assert told == PHOTOS or others, "the photos that got no joke were passed over in silence"
    assert len(others) <= 10, "a flood was answered by a flood"
    await keep_at_it(world, crowd)
    assert bot.memory_info().rss - before < GROWTH_MB * 1e6


async def keep_at_it(world, crowd: list[int]) -> None:
    ends, number = time.monotonic() + SOAK_S, 100_000
    while time.monotonic() < ends:
        number += 1
        person = crowd[number % len(crowd)]
        before = len(jokes(world, person))
        world.send_photo(person, person, new_photo(number))
        await world.wait_for(lambda _, person=person, before=before: len(jokes(world, person)) > before, 120)
