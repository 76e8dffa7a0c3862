"""`make bench-soak ARGS="--seconds 1800"`: a flood, then many people for half an hour; what the bot's memory does
meanwhile.

The sandbox and a stub engine run in this process, `jokebot run` in one of its own, with Telegram's limits raised so
that the machine is the limit. First one person sends a thousand photos at once and a hundred people one each. Then the
hundred go on for `--seconds`: photos, verdicts, 🔁 and commands, PER_S a second. Printed last, as one JSON object:

    flood           photos of the one person: how many got a joke, how many messages said why the others got none;
        seconds until
                    the hundred had their jokes
    seconds, photos, presses, commands     of the time after the flood
    unanswered      photos and commands that got no answer, of both
    p50_s, p95_s    photo to joke, after the flood
    rss_mb          the bot's resident memory: before the flood, after it, highest, last
    growth_mb_per_h slope of a straight line through the samples, the first tenth left out
    samples         minute by minute or denser: seconds, rss_mb, threads, open files
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
PEOPLE, FLOOD, PER_S = 100, 1000, 6.0
WARM = 20
SETTLE_S = 300.0
RAISED = {
    "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "20",
    "JOKEBOT_LIMITS_MESSAGES_PER_S": "300",
    "JOKEBOT_LOG_LEVEL": "WARNING",
}
Request = tuple[int, int]
"""Chat and message."""


@dataclass(frozen=True)
class Sample:
    """The bot's process at a moment, seconds after the flood."""

    s: float
    rss_mb: float
    threads: int
    files: int


class Crowd:
    """Everybody who talks with the bot, and what each is still due."""

    def __init__(self, world: Any, seed: int) -> None:
        self.world, self.random, self.number = world, random.Random(seed), 0
        self.flooder, *self.people = [world.add_user(f"Person {number}").id for number in range(PEOPLE + 1)]
        self.due: dict[Request, float] = {}
        self.took_s: list[float] = []
        self.jokes: dict[int, list[dict[str, Any]]] = {}
        self.sent = {"photos": 0, "presses": 0, "commands": 0}
        self.told = {"jokes": 0, "notices": set()}
        self.served = asyncio.Event()
        world.events.listeners.append(self.hear)

    def hear(self, event: dict[str, Any]) -> None:
        """A message of the bot answers what it replies to; a photo only once it is a joke."""
        message = event.get("message") or {}
        if not message.get("from", {}).get("is_bot") or "reply_to_message" not in message:
            return
        chat, request, final = event["chat_id"], message["reply_to_message"], bool(callback_data(message))
        if chat == self.flooder:
            self.told["jokes"] += final
            self.told["notices"] |= set() if final else {message["message_id"]}
        elif final or "photo" not in request:
            begun = self.due.pop((chat, request["message_id"]), None)
            if final and begun is not None:
                self.took_s.append(time.monotonic() - begun)
            if final:
                self.jokes[chat] = [*self.jokes.get(chat, [])[-4:], message]
        if not self.due:
            self.served.set()

    def send_photo(self, person: int) -> None:
        """A picture that nobody has sent yet."""
        self.number += 1
        buffer = io.BytesIO()
        Image.frombytes("RGB", (24, 24), random.Random(self.number).randbytes(1728)).save(buffer, "PNG")
        message = self.world.send_photo(person, person, buffer.getvalue())
        if person != self.flooder:
            self.await_answer(message)
            self.sent["photos"] += 1

    def await_answer(self, message: dict[str, Any]) -> None:
        self.served.clear()
        self.due[message["chat"]["id"], message["message_id"]] = time.monotonic()

    def act(self) -> None:
        """Somebody does something."""
        person, kind = self.random.choice(self.people), self.random.random()
        if kind < 0.6 or not self.jokes.get(person):
            self.send_photo(person)
        elif kind < 0.9:
            joke = self.random.choice(self.jokes[person])
            self.sent["presses"] += 1
            self.world.press(person, person, joke["message_id"], self.random.choice(callback_data(joke)))
        else:
            self.sent["commands"] += 1
            self.await_answer(
                self.world.send_text(person, person, self.random.choice(("/help", "/stats", "/privacy", "hello")))
            )

    async def all_served(self, within_s: float) -> None:
        """Wait until nobody is due anything; what still is after that time is counted as unanswered."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.served.wait()


async def flood(crowd: Crowd) -> dict[str, Any]:
    """A thousand photos of one, one each of a hundred; how long the hundred waited, and how many in vain."""
    for _ in range(FLOOD):
        crowd.send_photo(crowd.flooder)
    for person in crowd.people:
        crowd.send_photo(person)
    begun = time.monotonic()
    await crowd.all_served(SETTLE_S)
    served_s = round(time.monotonic() - begun, 1)
    await crowd.world.wait_for(lambda world: not len(world.updates), SETTLE_S)
    return {"crowd_served_s": served_s, "unanswered": len(crowd.due)}


async def keep_at_it(crowd: Crowd, bot: psutil.Process, seconds: float) -> list[Sample]:
    """People go on at PER_S, but never with more than a photo each in work; the bot's process is looked at now and
    then.
    """
    samples, begun = [], time.monotonic()
    every = min(60.0, max(1.0, seconds / 60))
    while (now := time.monotonic() - begun) < seconds:
        if now >= len(samples) * every:
            samples.append(look(bot, now))
        if len(crowd.due) < PEOPLE:
            crowd.act()
        await asyncio.sleep(crowd.random.expovariate(PER_S))
    await crowd.all_served(SETTLE_S)
    return [*samples, look(bot, time.monotonic() - begun)]


def look(bot: psutil.Process, at: float) -> Sample:
    with bot.oneshot():
        return Sample(round(at, 1), round(bot.memory_info().rss / 1e6, 1), bot.num_threads(), bot.num_fds())


def growth_mb_per_h(samples: list[Sample]) -> float:
    """Least squares through (time, memory), the first tenth left out; 0 for too few."""
    kept = [(one.s / 3600, one.rss_mb) for one in samples[len(samples) // 10 :]]
    return round(statistics.linear_regression(*zip(*kept, strict=True)).slope, 1) if len(kept) > 2 else 0.0


async def measure(seconds: float, seed: int, folder: Path) -> dict[str, Any]:
    """Run it in `folder` and return the numbers of the module's docstring."""
    async with (
        Sandbox.running(port=0, token=TOKEN, messages_kept=20_000) as sandbox,
        StubEngine.running() as engine,
        bot_process(sandbox.url, engine.url, folder, TOKEN, RAISED) as process,
    ):
        return await _measure(Crowd(sandbox.world, seed), psutil.Process(process.pid), seconds)


async def _measure(crowd: Crowd, bot: psutil.Process, seconds: float) -> dict[str, Any]:
    for person in crowd.people[:WARM]:
        crowd.send_photo(person)
    await crowd.all_served(SETTLE_S)
    before = look(bot, 0)
    flooded = await flood(crowd)
    crowd.due.clear()
    crowd.took_s.clear()
    crowd.sent = dict.fromkeys(crowd.sent, 0)
    samples = await keep_at_it(crowd, bot, seconds)
    took = sorted(crowd.took_s) or [0.0]
    told = {"photos": FLOOD, "jokes": crowd.told["jokes"], "notices": len(crowd.told["notices"])}
    return {
        "flood": {**told, "crowd_served_s": flooded["crowd_served_s"]},
        "seconds": seconds,
        **crowd.sent,
        "unanswered": flooded["unanswered"] + len(crowd.due),
        "p50_s": round(statistics.median(took), 3),
        "p95_s": round(took[int(0.95 * (len(took) - 1))], 3),
        "rss_mb": {
            "before": before.rss_mb,
            "after_flood": samples[0].rss_mb,
            "highest": max(one.rss_mb for one in samples),
            "last": samples[-1].rss_mb,
        },
        "growth_mb_per_h": growth_mb_per_h(samples),
        "samples": [asdict(one) for one in samples],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=1800.0, help="how long people go on after the flood")
    parser.add_argument("--seed", type=int, default=1, help="chooses what people do")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(arguments.seconds, arguments.seed, Path(folder) / "data"))))


if __name__ == "__main__":
    main()
