"""`make bench-sends`: cost of serialized sends (bot/telegram/send_journal.py, setting limits.sends_at_once).

The sandbox runs in this process and delays the answer to each sendMessage by `delay_ms`; the stub engine answers at
once. For each delay and setting, 100 users send a photo at once, then single photos follow. Telegram's limit of 30
messages per second is raised. The last output line is one JSON object with a list `cases` of

    delay_ms, sends_at_once
    jokes_per_s      throughput for 100 photos at once, until the last joke
    one_p50_ms       photo to joke for single photos, median
"""

import asyncio
import io
import itertools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bot_process import bot_process
from bot.engine.stub.engine import StubEngine
from bot.sandbox.server import Sandbox

TOKEN = "123456:sends"
USERS, SINGLE_PHOTOS = 100, 15
DELAYS_S, SETTINGS = (0.0, 0.1), (1, 3, 1000)
RAISED = {
    "JOKEBOT_LIMITS_MESSAGES_PER_S": "100000",
    "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "100000",
    "JOKEBOT_ENGINE_IN_FLIGHT": "32",
    "JOKEBOT_LOG_LEVEL": "WARNING",
}


class PhotoSenders:
    """Users who send photos and wait for their jokes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.world = sandbox.world
        self.users = [self.world.add_user(f"User {number}").id for number in range(USERS)]
        self.numbers = itertools.count()
        self.waiting: dict[tuple[int, int], asyncio.Future[float]] = {}
        self.world.events.listeners.append(self.on_event)

    def on_event(self, event: dict[str, Any]) -> None:
        message = event.get("message") or {}
        request = event.get("chat_id"), message.get("reply_to_message", {}).get("message_id")
        if message.get("reply_markup") and (future := self.waiting.pop(request, None)):
            future.set_result(time.perf_counter())

    async def send_photo(self, user: int) -> float:
        """Send a photo; returns the seconds until its joke arrives."""
        number, buffer = next(self.numbers) * 7919 % 0xFFFFFF, io.BytesIO()
        Image.new("RGB", (64, 48), (number >> 16, number >> 8 & 255, number & 255)).save(buffer, "PNG")
        sent = time.perf_counter()
        message = self.world.send_photo(user, user, buffer.getvalue())
        future = self.waiting[user, message["message_id"]] = asyncio.get_running_loop().create_future()
        return await future - sent


async def measure(delay_s: float, at_once: int, folder: Path) -> dict[str, Any]:
    """Measure one case."""
    async with (
        Sandbox.running(port=0, token=TOKEN) as sandbox,
        StubEngine.running() as engine,
        bot_process(
            sandbox.url, engine.url, folder, TOKEN, {**RAISED, "JOKEBOT_LIMITS_CONCURRENT_SENDS": str(at_once)}
        ),
    ):
        senders = PhotoSenders(sandbox)
        for user in senders.users[:3]:
            await senders.send_photo(user)
        if delay_s:
            sandbox.faults.add("sendMessage", "slow", times=None, delay_s=delay_s)
        started = time.perf_counter()
        await asyncio.gather(*map(senders.send_photo, senders.users))
        took = time.perf_counter() - started
        single_s = [await senders.send_photo(user) for user in senders.users[:SINGLE_PHOTOS]]
    return {
        "delay_ms": round(1000 * delay_s),
        "sends_at_once": at_once,
        "jokes_per_s": round(USERS / took, 1),
        "one_p50_ms": round(1000 * statistics.median(single_s), 1),
    }


async def main() -> None:
    cases = []
    for delay_s, at_once in itertools.product(DELAYS_S, SETTINGS):
        with tempfile.TemporaryDirectory() as folder:
            cases.append(await measure(delay_s, at_once, Path(folder) / "data"))
        print(cases[-1], flush=True)
    print(json.dumps({"cases": cases}))


if __name__ == "__main__":
    asyncio.run(main())
