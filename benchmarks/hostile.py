"""`make bench-hostile`: what 60 hostile files of one user, sent at once, cost another user, and the machine.

The sandbox runs in this process, a stub engine that answers at once and the bot in their own. Telegram's rate limits
and the limit of photos a user may have in work are raised, so that all 60 files reach the decoders. The kinds are
BOMBS in benchmarks/hostile_files.py; each file is different. Printed last, as one JSON object:

    honest_alone_p95_s  an honest user's photo (1280×960) sent to its joke received, one after another, on a quiet bot
    honest_p95_s        the same while the 60 files are in work, and until at least MIN_PHOTOS photos were sent
    bombs_s             the first of the 60 files sent to the last one answered
    refused             how many of the 60 were refused; the others were decoded within the limits and got a joke
    ordinary_refused    of 100 ordinary files (ORDINARY, all kinds in turn, from ten users), how many got no joke
    peak_mb             the highest sum of the proportional set sizes of the bot and its decoders, sampled every 50 ms
    rest_mb             the same before the 60 files
    stop_s              SIGTERM to the end of the bot, one second after another 60 files were sent
    again_s             process start to an honest user's joke on the same data folder after that stop
    load                the machine's load average at the begin: other work slows all of these
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bot import stub_process
from benchmarks.bot_process import bot_process
from benchmarks.hostile_files import BOMBS, ordinary_files
from benchmarks.machine import RESULTS, machine
from benchmarks.photos import Photos
from bot.sandbox.server import Sandbox

TOKEN = "123456:hostile"
HOSTILE, ORDINARY_FILES, MIN_PHOTOS, SENDERS = 60, 100, 40, 10
RAISED = {
    "JOKEBOT_LIMITS_MESSAGES_PER_S": "100000",
    "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "100000",
    "JOKEBOT_LIMITS_MAX_QUEUED_PHOTOS_PER_USER": "200",
    "JOKEBOT_ENGINE_IN_FLIGHT": "32",
    "JOKEBOT_LOG_LEVEL": "WARNING",
    "JOKEBOT_ALERTS_DISK_GB": "0",
}
TIMEOUT_S = 300.0


class Users:
    """An attacker, an honest user and others, and what the bot has replied to their photos."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.world = sandbox.world
        self.attacker, self.honest, *self.others = (
            self.world.add_user(f"User {number}").id for number in range(2 + SENDERS)
        )
        self.photos = Photos()
        self.waiting: dict[tuple[int, int], asyncio.Future[bool]] = {}
        self.world.events.listeners.append(self.hear)

    def hear(self, event: dict[str, Any]) -> None:
        """A reply with buttons is a joke. One without, and no joke being written, is a refusal."""
        message = event.get("message") or {}
        key = event.get("chat_id"), message.get("reply_to_message", {}).get("message_id")
        if key not in self.waiting or not message.get("from", {}).get("is_bot"):
            return
        text = message.get("text", "")
        if message.get("reply_markup"):
            self.waiting.pop(key).set_result(True)
        elif text and text.startswith(REFUSALS):
            self.waiting.pop(key).set_result(False)

    def send_file(self, user: int, data: bytes, name: str) -> asyncio.Future[bool]:
        """Send a file as a document. The result: whether it got a joke."""
        message = self.world.send_document(user, user, data, name, "image/unknown")
        return self._expect(user, message)

    async def photo_to_joke(self) -> float:
        """Seconds from the honest user's photo to its joke."""
        sent = time.perf_counter()
        message = self.world.send_photo(self.honest, self.honest, self.photos.next())
        assert await asyncio.wait_for(self._expect(self.honest, message), TIMEOUT_S)
        return time.perf_counter() - sent

    def _expect(self, user: int, message: dict[str, Any]) -> asyncio.Future[bool]:
        answered = self.waiting[user, message["message_id"]] = asyncio.get_running_loop().create_future()
        return answered


def refusals() -> tuple[str, ...]:
    """How the messages about photos that can't be used begin, in English."""
    lines = (Path(__file__).parents[1] / "bot/i18n/locales/en.ftl").read_text(encoding="utf-8").splitlines()
    names = ("photo-", "defect", "queue-", "engine-", "given-up")
    return tuple(
        line.partition(" = ")[2].partition("{")[0] for line in lines if line.startswith(names) and " = " in line
    )


REFUSALS = tuple(text for text in refusals() if text)


class MemorySampler:
    """Samples the proportional set size of a process and its descendants in a thread."""

    def __init__(self, pid: int) -> None:
        self._process, self._ended = psutil.Process(pid), threading.Event()
        self.peak_mb = 0.0
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def now_mb(self) -> float:
        """The sum at this moment, MB."""
        total = 0
        with contextlib.suppress(psutil.Error, OSError):
            for process in (self._process, *self._process.children(recursive=True)):
                lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total * 1024 / 1e6

    def stop(self) -> float:
        """The highest sum, MB."""
        self._ended.set()
        self._thread.join()
        return self.peak_mb

    def _sample(self) -> None:
        while not self._ended.wait(0.05):
            self.peak_mb = max(self.peak_mb, self.now_mb())


def p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(0.95 * len(seconds))]


def send_bombs(users: Users, bombs: Sequence[tuple[str, bytes]], round_: int) -> list[asyncio.Future[bool]]:
    """All of them at once, each with bytes at its end that no decoder reads and no other has."""
    return [
        users.send_file(users.attacker, data + bytes([round_, number]), name)
        for number, (name, data) in enumerate(bombs)
    ]


async def ordinary_refused(users: Users, files: Sequence[tuple[str, bytes]]) -> list[str]:
    """The names of those that got no joke. Each user has one file in work at a time."""
    refused: list[str] = []

    async def send_all(user: int, part: Sequence[tuple[str, bytes]]) -> None:
        for name, data in part:
            if not await asyncio.wait_for(users.send_file(user, data, name), TIMEOUT_S):
                refused.append(name)

    await asyncio.gather(*(send_all(user, files[number::SENDERS]) for number, user in enumerate(users.others)))
    return refused


async def honest_seconds(users: Users, work: Sequence[asyncio.Future[bool]]) -> list[float]:
    """An honest user's photos one after another while the work goes on, and at least MIN_PHOTOS."""
    seconds: list[float] = []
    while len(seconds) < MIN_PHOTOS or not all(one.done() for one in work):
        seconds.append(await users.photo_to_joke())
    return seconds


async def attack(
    users: Users, process: asyncio.subprocess.Process, bombs: Sequence[tuple[str, bytes]], files: Any
) -> dict[str, Any]:
    """Alone, beside the 60 files, 100 ordinary files, and a stop beside another 60."""
    memory = MemorySampler(process.pid)
    for _ in range(5):
        await users.photo_to_joke()
    alone, rest_mb = await honest_seconds(users, []), memory.now_mb()
    begun = time.perf_counter()
    work = send_bombs(users, bombs, 0)
    beside = asyncio.create_task(honest_seconds(users, work))
    got_joke = await asyncio.wait_for(asyncio.gather(*work), TIMEOUT_S)
    bombs_s = time.perf_counter() - begun
    honest = await beside
    refused = await ordinary_refused(users, files)
    peak_mb = memory.peak_mb
    send_bombs(users, bombs, 1)
    await asyncio.sleep(1.0)
    begun = time.perf_counter()
    process.terminate()
    await process.wait()
    return {
        "honest_p95_s": round(p95(honest), 3),
        "honest_alone_p95_s": round(p95(alone), 3),
        "peak_mb": round(max(peak_mb, memory.stop()), 1),
        "refused": got_joke.count(False),
        "ordinary_refused": len(refused),
        "stop_s": round(time.perf_counter() - begun, 2),
        "bombs_s": round(bombs_s, 2),
        "rest_mb": round(rest_mb, 1),
        "honest_photos": len(honest),
        **({"ordinary_refused_kinds": sorted(set(refused))} if refused else {}),
    }


async def measure(folder: Path) -> dict[str, Any]:
    load = os.getloadavg()[0]
    made = {name: make() for name, make in BOMBS.items()}
    bombs = [(name, made[name]) for name in [*made] * HOSTILE][:HOSTILE]
    files = ordinary_files(ORDINARY_FILES)
    async with Sandbox.running(port=0, token=TOKEN) as sandbox, stub_process() as engine_url:
        users, data = Users(sandbox), folder / "data"
        async with bot_process(sandbox.url, f"{engine_url}/v1", data, TOKEN, RAISED) as process:
            result = await attack(users, process, bombs, files)
        begun = time.perf_counter()
        async with bot_process(sandbox.url, f"{engine_url}/v1", data, TOKEN, RAISED):
            await users.photo_to_joke()
            result["again_s"] = round(time.perf_counter() - begun, 2)
    return {**result, "load": round(load, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results/hostile.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measure(Path(folder)))
    if arguments.save:
        kept = {**result, "date": date.today().isoformat(), "machine": machine()}
        (RESULTS / "hostile.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
