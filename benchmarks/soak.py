"""`make bench-soak ARGS="--seconds 1800"`: the bot's memory and latency in a flood and in long use by 100 users.

The sandbox and a stub engine run in this process, `jokebot run` in its own, with raised Telegram limits. First one user
sends 1,000 photos at once and 100 users one each. Then the 100 users act for `--seconds`, PER_S actions per second:
photos, ratings, 🔁 and commands. The last output line is one JSON object:

    flood           the one user's photos, jokes and notices (photos without a joke); seconds until the 100 users had
                    their jokes
    seconds, photos, presses, commands     after the flood
    unanswered      photos and commands without an answer, in both parts
    p50_s, p95_s    photo to joke, after the flood
    rss_mb          the bot's resident memory: before and after the flood, maximum, last
    growth_mb_per_h slope of a line fitted to the samples without the first tenth
    samples         at least one per minute: seconds, rss_mb, threads, open files
"""

import argparse
import asyncio
import io
import json
import random
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bot_process import bot_process
from bot.engine.stub.engine import StubEngine
from bot.sandbox.keyboards import callback_data
from bot.sandbox.server import Sandbox

TOKEN = "123456:soak"
USERS, FLOOD, PER_S = 100, 1000, 6.0
WARM = 20
SETTLE_S = 300.0
RAISED = {
    "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "20",
    "JOKEBOT_LIMITS_MESSAGES_PER_S": "300",
    "JOKEBOT_LOG_LEVEL": "WARNING",
}
Request = tuple[int, int]
"""Chat id and message id."""


@dataclass(frozen=True)
class Sample:
    """A sample of the bot's process; `s`: seconds after the flood."""

    s: float
    rss_mb: float
    threads: int
    files: int


class SoakUsers:
    """The bot's users and their unanswered requests."""

    def __init__(self, world: Any, seed: int) -> None:
        self.world, self.random, self.number = world, random.Random(seed), 0
        self.flooder, *self.user_ids = [world.add_user(f"User {number}").id for number in range(USERS + 1)]
        self.due: dict[Request, float] = {}
        self.took_s: list[float] = []
        self.jokes: dict[int, list[dict[str, Any]]] = {}
        self.sent = {"photos": 0, "presses": 0, "commands": 0}
        self.flood_replies = {"jokes": 0, "notices": set()}
        self.served = asyncio.Event()
        world.events.listeners.append(self.on_event)

    def on_event(self, event: dict[str, Any]) -> None:
        """Handle an event: a reply answers its request; a photo is answered by a joke only."""
        message = event.get("message") or {}
        if not message.get("from", {}).get("is_bot") or "reply_to_message" not in message:
            return
        chat, request, final = event["chat_id"], message["reply_to_message"], bool(callback_data(message))
        if chat == self.flooder:
            self.flood_replies["jokes"] += final
            self.flood_replies["notices"] |= set() if final else {message["message_id"]}
        elif final or "photo" not in request:
            asked_at = self.due.pop((chat, request["message_id"]), None)
            if final and asked_at is not None:
                self.took_s.append(time.monotonic() - asked_at)
            if final:
                self.jokes[chat] = [*self.jokes.get(chat, [])[-4:], message]
        if not self.due:
            self.served.set()

    def send_photo(self, user: int) -> None:
        """Send a new picture."""
        self.number += 1
        buffer = io.BytesIO()
        Image.frombytes("RGB", (24, 24), random.Random(self.number).randbytes(1728)).save(buffer, "PNG")
        message = self.world.send_photo(user, user, buffer.getvalue())
        if user != self.flooder:
            self.await_answer(message)
            self.sent["photos"] += 1

    def await_answer(self, message: dict[str, Any]) -> None:
        self.served.clear()
        self.due[message["chat"]["id"], message["message_id"]] = time.monotonic()

    def act(self) -> None:
        """Let a random user do a random action."""
        user, kind = self.random.choice(self.user_ids), self.random.random()
        if kind < 0.6 or not self.jokes.get(user):
            self.send_photo(user)
        elif kind < 0.9:
            joke = self.random.choice(self.jokes[user])
            self.sent["presses"] += 1
            buttons = [data for data in callback_data(joke) if data.startswith(("r:", "a:"))]
            self.world.press(user, user, joke["message_id"], self.random.choice(buttons))
        else:
            self.sent["commands"] += 1
            self.await_answer(
                self.world.send_text(user, user, self.random.choice(("/help", "/stats", "/privacy", "hello")))
            )

    async def all_served(self, within_s: float) -> None:
        """Wait until all requests are answered, at most `within_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.served.wait()


async def flood(users: SoakUsers) -> dict[str, Any]:
    """1,000 photos of one user and one each of 100; returns the 100 users' waiting time and unanswered photos."""
    for _ in range(FLOOD):
        users.send_photo(users.flooder)
    for user in users.user_ids:
        users.send_photo(user)
    started = time.monotonic()
    await users.all_served(SETTLE_S)
    served_s = round(time.monotonic() - started, 1)
    await users.world.wait_for(lambda world: not len(world.updates), SETTLE_S)
    return {"crowd_served_s": served_s, "unanswered": len(users.due)}


async def run_users(users: SoakUsers, bot: psutil.Process, seconds: float) -> list[Sample]:
    """Users act PER_S times per second, with at most USERS open requests; samples the bot's process meanwhile."""
    samples, started = [], time.monotonic()
    interval_s = min(60.0, max(1.0, seconds / 60))
    while (now := time.monotonic() - started) < seconds:
        if now >= len(samples) * interval_s:
            samples.append(take_sample(bot, now))
        if len(users.due) < USERS:
            users.act()
        await asyncio.sleep(users.random.expovariate(PER_S))
    await users.all_served(SETTLE_S)
    return [*samples, take_sample(bot, time.monotonic() - started)]


def take_sample(bot: psutil.Process, at: float) -> Sample:
    with bot.oneshot():
        return Sample(round(at, 1), round(bot.memory_info().rss / 1e6, 1), bot.num_threads(), bot.num_fds())


def growth_mb_per_h(samples: list[Sample]) -> float:
    """Slope of a least-squares line through (time, memory) without the first tenth; 0 for fewer than 3 samples."""
    points = [(sample.s / 3600, sample.rss_mb) for sample in samples[len(samples) // 10 :]]
    return round(statistics.linear_regression(*zip(*points, strict=True)).slope, 1) if len(points) > 2 else 0.0


async def measure(seconds: float, seed: int, folder: Path) -> dict[str, Any]:
    """Run the benchmark in `folder`; returns the values of the module's docstring."""
    async with (
        Sandbox.running(port=0, token=TOKEN, messages_kept=20_000) as sandbox,
        StubEngine.running() as engine,
        bot_process(sandbox.url, engine.url, folder, TOKEN, RAISED) as process,
    ):
        return await _measure(SoakUsers(sandbox.world, seed), psutil.Process(process.pid), seconds)


async def _measure(users: SoakUsers, bot: psutil.Process, seconds: float) -> dict[str, Any]:
    for user in users.user_ids[:WARM]:
        users.send_photo(user)
    await users.all_served(SETTLE_S)
    before = take_sample(bot, 0)
    flooded = await flood(users)
    users.due.clear()
    users.took_s.clear()
    users.sent = dict.fromkeys(users.sent, 0)
    samples = await run_users(users, bot, seconds)
    took = sorted(users.took_s) or [0.0]
    flood_counts = {
        "photos": FLOOD,
        "jokes": users.flood_replies["jokes"],
        "notices": len(users.flood_replies["notices"]),
    }
    return {
        "flood": {**flood_counts, "crowd_served_s": flooded["crowd_served_s"]},
        "seconds": seconds,
        **users.sent,
        "unanswered": flooded["unanswered"] + len(users.due),
        "p50_s": round(statistics.median(took), 3),
        "p95_s": round(took[int(0.95 * (len(took) - 1))], 3),
        "rss_mb": {
            "before": before.rss_mb,
            "after_flood": samples[0].rss_mb,
            "highest": max(sample.rss_mb for sample in samples),
            "last": samples[-1].rss_mb,
        },
        "growth_mb_per_h": growth_mb_per_h(samples),
        "samples": [asdict(sample) for sample in samples],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=1800.0, help="duration of the load after the flood")
    parser.add_argument("--seed", type=int, default=1, help="seed for the users' actions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(arguments.seconds, arguments.seed, Path(folder) / "data"))))


if __name__ == "__main__":
    main()
