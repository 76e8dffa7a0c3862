"""`make bench-bot`: start time, latency, throughput and memory of the bot, with a stub engine that answers at once.

The sandbox runs in this process, the stub engine and the bot in their own. Photos are distinct 208 KB JPEGs of
1280×960 from 200 chats; settings raise the bot's rate limits. The last output line is one JSON object:

    start_s             process start to the first getUpdates, median of 5
    own_latency_ms      photo sent to joke received, p50 at 5 photos/s
    own_latency_p95_ms  the same, p95
    photos_per_s        throughput of a flood of photos over all chats, until the last joke
    rss_mb              the bot's resident memory after 10,000 photos
    rss_mb_at_2000      the same after 2,000 photos; equal if memory does not grow
    torch_imported      whether the bot's process has mapped torch
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bot_process import bot_process
from benchmarks.photos import Photos
from bot.sandbox.server import Sandbox

TOKEN = "123456:benchmark"
CHATS = 200
RAISED = {
    "JOKEBOT_LIMITS_MESSAGES_PER_S": "100000",
    "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "100000",
    "JOKEBOT_LIMITS_MAX_QUEUED_PHOTOS_PER_USER": "1000",
    "JOKEBOT_ENGINE_IN_FLIGHT": "32",
    "JOKEBOT_LOG_LEVEL": "WARNING",
}


class Load:
    """Sends photos to the sandbox and measures the time until each joke."""

    def __init__(self, sandbox: Sandbox, photos: Photos) -> None:
        self.sandbox, self.photos = sandbox, photos
        self.users = [sandbox.world.add_user(f"User {number}") for number in range(CHATS)]
        self.sent = 0
        self.waiting: dict[tuple[int, int], asyncio.Future[float]] = {}
        sandbox.world.events.listeners.append(self.on_event)

    def on_event(self, event: dict[str, Any]) -> None:
        """Handle an event: a message with buttons is the finished joke of the photo that it replies to."""
        message = event.get("message") or {}
        photo = message.get("reply_to_message", {}).get("message_id")
        if message.get("reply_markup") and (future := self.waiting.pop((event["chat_id"], photo), None)):
            future.set_result(time.perf_counter())

    async def photo_to_joke(self) -> float:
        """Send a photo and wait for its joke; returns the seconds between."""
        user = self.users[self.sent % CHATS]
        self.sent += 1
        photo, sent = self.photos.next(), time.perf_counter()
        message = self.sandbox.world.send_photo(user.id, user.id, photo)
        future = self.waiting[user.id, message["message_id"]] = asyncio.get_running_loop().create_future()
        return await asyncio.wait_for(future, 120) - sent


async def start_seconds(sandbox: Sandbox, engine_url: str, folder: Path) -> float:
    """Seconds from starting the process to its first getUpdates."""

    def polls() -> int:
        return sum(call.method.lower() == "getupdates" for call in sandbox.calls)

    before, started = polls(), time.perf_counter()
    async with bot_process(sandbox.url, f"{engine_url}/v1", folder, TOKEN, RAISED):
        while polls() == before:
            await sandbox.world.events.wait_next()
        return time.perf_counter() - started


async def latencies(load: Load, *, per_s: float, seconds: float) -> list[float]:
    """Seconds from photo to joke, at a steady rate."""
    waiting, start = [], time.perf_counter()
    for number in range(int(per_s * seconds)):
        await asyncio.sleep(max(0.0, start + number / per_s - time.perf_counter()))
        waiting.append(asyncio.create_task(load.photo_to_joke()))
    return list(await asyncio.gather(*waiting))


async def flood(load: Load, photos: int, *, outstanding: int = CHATS) -> float:
    """Photos per second, with at most `outstanding` unanswered photos, until the last joke."""
    slots, start = asyncio.Semaphore(outstanding), time.perf_counter()

    async def send() -> None:
        async with slots:
            await load.photo_to_joke()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(photos):
            tasks.create_task(send())
    return photos / (time.perf_counter() - start)


async def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, float | bool]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.running(port=0, token=TOKEN))
        engine_url = await stack.enter_async_context(stub_process())
        starts = [await start_seconds(sandbox, engine_url, folder / f"start-{number}") for number in range(5)]
        process = await stack.enter_async_context(
            bot_process(sandbox.url, f"{engine_url}/v1", folder / "data", TOKEN, RAISED)
        )
        bot = psutil.Process(process.pid)
        load = Load(sandbox, Photos())
        await flood(load, CHATS)
        steady = sorted(await latencies(load, per_s=5, seconds=arguments.steady_s))
        rate = await flood(load, arguments.flood)
        await flood(load, max(0, 2000 - load.sent))
        early = bot.memory_info().rss
        await flood(load, max(0, arguments.photos - load.sent))
        return {
            "start_s": round(statistics.median(starts), 3),
            "own_latency_ms": round(1000 * statistics.median(steady), 1),
            "own_latency_p95_ms": round(1000 * steady[int(0.95 * len(steady))], 1),
            "photos_per_s": round(rate, 1),
            "rss_mb": round(bot.memory_info().rss / 1e6, 1),
            "rss_mb_at_2000": round(early / 1e6, 1),
            "photos": load.sent,
            "torch_imported": any("libtorch" in mapped.path for mapped in bot.memory_maps()),
        }


@asynccontextmanager
async def stub_process() -> AsyncIterator[str]:
    """The stub engine in its own process, apart from the bot and the sandbox; yields its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.engine.stub.engine", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        line = (await process.stdout.readline()).decode()
        yield line.split()[-1].strip()
    finally:
        process.terminate()
        await process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=int, default=10_000, help="photos in all, before memory is read")
    parser.add_argument("--flood", type=int, default=1200, help="photos of the flood that gives photos_per_s")
    parser.add_argument("--steady-s", type=float, default=40.0, help="seconds at 5 photos/s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(arguments, Path(folder)))))


if __name__ == "__main__":
    main()
