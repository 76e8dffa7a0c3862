"""`make bench-reliability ARGS="--cycles 200"`: kills the bot at random moments under load and counts lost work.

The sandbox and a stub engine run in this process, `jokebot run` in its own. The bot gets SIGKILL repeatedly: during its
start, at a random time, or when a random call arrives at Telegram (which takes effect, but the bot gets no answer).
Users send photos and commands and press all buttons, in private chats and a group. After the last kill the bot may
finish; then all messages and rows are counted. The last output line is one JSON object:

    cycles, photos, ratings     kills; photos and 🔁 that request a joke; presses on 😂 🙂 😐
    photos_lost                 photos and 🔁 that got neither a joke nor an error message
    ratings_lost                presses whose rating differs from the database
    ratings_doubled             ratings without a press, and counts on buttons above the number of ratings
    commands_lost               commands without an answer
    repeated_replies            replies beyond the one that each photo, 🔁 and command should get
    most_repeated_by_one_kill   repeated replies by the kill between the repetitions, maximum
    repeated_without_a_kill     repeated replies without a kill in between
    apologies                   photos that ended with an error message after repeated interruptions
    recovery_s                  process start after a kill to the bot's first answer, median
"""

import argparse
import asyncio
import itertools
import json
import logging
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bot_process import bot_process
from benchmarks.reliability_users import Request, SimulatedUsers
from bot.engine.stub.engine import StubEngine, StubRefusal, StubReply
from bot.sandbox.server import Sandbox

TOKEN = "123456:reliability"
DIGEST_S = 0.3
"""Messages of a killed process may still arrive in this time; later ones are the next process's."""
START_S = 0.5
"""Process start to the first answer on an idle machine; on a slower machine, kills wait longer."""
LONGEST_CYCLE_S = 30.0
"""A bot without calls for this time is killed anyway."""
SETTLE_S = 900.0
RAISED = {
    "JOKEBOT_LIMITS_MESSAGES_PER_S": "100000",
    "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "100000",
    "JOKEBOT_LIMITS_GROUP_MESSAGES_PER_MIN": "100000",
    "JOKEBOT_LIMITS_EDIT_INTERVAL_S": "0.2",
    "JOKEBOT_LIMITS_MAX_QUEUED_PHOTOS_PER_USER": "1000",
    "JOKEBOT_ENGINE_IN_FLIGHT": "16",
    "JOKEBOT_ENGINE_RETRY_DELAY_S": "0.05",
    "JOKEBOT_LOG_LEVEL": "WARNING",
}
JOKE = "A cat walks into a bar. The bar is closed."
SAYING = {"sendmessage", "editmessagetext", "editmessagereplymarkup", "answercallbackquery"}
UNFINISHED = "unfinished"
Message = dict[str, Any]


class ReplyAudit:
    """Counts lost and repeated replies and ratings."""

    def __init__(self, users: SimulatedUsers, database: Path) -> None:
        self.users, self.database = users, database

    def replies(self, request: Request) -> list[Message]:
        """The bot's current replies to a message."""
        messages = (self.users.world.message(request[0], number) for number, _ in self.users.replies.get(request, []))
        return [message for message in messages if message]

    def is_final(self, message: Message) -> bool:
        """Whether it is a joke with buttons or an error message, not a queue position or a partial joke."""
        return "reply_markup" in message or self.is_apology(message)

    def is_apology(self, message: Message) -> bool:
        """Whether its first line is an error message; an error id may follow."""
        return message["text"].split("\n")[0] in self.users.apologies

    def unanswered(self) -> dict[str, int]:
        """The numbers of photos and commands without an answer."""
        photos = sum(
            max(0, due - sum(map(self.is_final, self.replies(request)))) for request, due in self.users.photos.items()
        )
        commands = sum(not self.replies(request) for request in self.users.commands)
        return {"photos_lost": photos, "commands_lost": commands}

    def repeated(self) -> Counter[int | None]:
        """Repeated replies by the kill that ended the sending process; None if no kill did."""
        return sum(
            (self.lost(request, due) for request, due in (self.users.photos + self.users.commands).items()),
            Counter[int | None](),
        )

    def lost(self, request: Request, due: int) -> Counter[int | None]:
        """Replies to one message that the bot repeated, by the kill after each.

        Of several messages with the same joke, these are all but the last; also messages that never became final; and
        if there are still more than `due`, the earliest.
        """
        replies = self.users.replies.get(request, [])
        extra, newest = max(0, len(replies) - due), replies[-1][1] if replies else 0
        latest = {self.content(request, number): number for number, _ in replies}
        latest.pop(UNFINISHED, None)
        lost_first = sorted(replies, key=lambda reply: (reply[0] in latest.values(), reply[0]))
        return Counter(cycle if cycle < newest else None for _, cycle in lost_first[:extra])

    def content(self, request: Request, number: int) -> str:
        """The identity of a reply: its buttons' joke id, else whether it is final."""
        message = self.users.world.message(request[0], number)
        if message and "reply_markup" in message:
            return message["reply_markup"]["inline_keyboard"][0][0]["callback_data"].split(":")[1]
        return "apology" if message and self.is_final(message) else UNFINISHED

    def ratings(self) -> dict[str, int]:
        with closing(sqlite3.connect(self.database)) as connection:
            rows = {
                (joke, user): value
                for joke, user, value in connection.execute("SELECT joke_id, person_id, value FROM ratings")
            }
        pressed = {pair: value for pair, (value, _) in self.users.pressed.items()}
        raters = Counter(joke for joke, _ in rows)
        doubled = sum(max(0, count - raters[joke]) for joke, count in self.button_counts())
        return {
            "ratings_lost": sum(rows.get(pair) != value for pair, value in pressed.items()),
            "ratings_doubled": len(rows.keys() - pressed.keys()) + doubled,
        }

    def button_counts(self) -> list[tuple[int, int]]:
        """(joke id, number of ratings on its buttons) for all messages."""
        world, counts_by_joke = self.users.world, []
        for message in [
            message for chat in world.chats for message in world.messages(chat) if "reply_markup" in message
        ]:
            buttons = message["reply_markup"]["inline_keyboard"][0]
            counts = [int(button["text"].split()[1]) for button in buttons if " " in button["text"]]
            counts_by_joke.append((int(buttons[0]["callback_data"].split(":")[1]), sum(counts)))
        return counts_by_joke

    def apologised(self) -> int:
        return sum(self.is_apology(message) for request in self.users.photos for message in self.replies(request))

    def unfinished(self) -> int:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute("SELECT count(*) FROM inbox WHERE state = 'pending'").fetchone()[0]


class KillCycles:
    """Starts and kills the bot repeatedly."""

    def __init__(self, sandbox: Sandbox, engine: StubEngine, folder: Path, seed: int) -> None:
        self.sandbox, self.engine, self.folder, self.random = sandbox, engine, folder, random.Random(seed)
        self.users = SimulatedUsers(sandbox, seed + 1)
        self.judge = ReplyAudit(self.users, folder / "jokebot.sqlite3")
        self.log = folder.parent / "bot.log"
        self.recoveries: list[float] = []

    async def run(self, cycles: int) -> dict[str, Any]:
        acting = asyncio.create_task(self.users.act())
        for cycle in range(cycles):
            async with self.bot() as process:
                await self.wait_for_kill(process)
                process.kill()
                await process.wait()
                await asyncio.sleep(DIGEST_S)
                self.users.cycle = cycle + 1
        acting.cancel()
        with suppress(asyncio.CancelledError):
            await acting
        async with self.bot() as process:
            await self.settle(process)
        repeated, photos = self.judge.repeated(), self.users.photos.total()
        return {
            "cycles": cycles,
            "photos": photos,
            "ratings": self.users.presses,
            **self.judge.unanswered(),
            **self.judge.ratings(),
            "repeated_replies": repeated.total(),
            "repeated_without_a_kill": repeated.pop(None, 0),
            "most_repeated_by_one_kill": max(repeated.values(), default=0),
            "apologies": self.judge.apologised(),
            "recovery_s": round(statistics.median(self.recoveries), 2) if self.recoveries else None,
        }

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run a bot process; measures the time to its first answer meanwhile."""
        with self.log.open("ab") as log:
            async with bot_process(self.sandbox.url, self.engine.url, self.folder, TOKEN, RAISED, log) as process:
                watching = asyncio.create_task(self.recovery())
                try:
                    yield process
                finally:
                    watching.cancel()

    async def recovery(self) -> None:
        started = time.monotonic()
        while not self.count_sends(started):
            await self.sandbox.world.events.wait_next()
        self.recoveries.append(time.monotonic() - started)

    async def wait_for_kill(self, process: asyncio.subprocess.Process) -> None:
        """Wait for a random moment: during the start, at any time, or at or just after a call."""
        kind = self.random.random()
        if kind < 0.4:
            slower = max(1.0, statistics.median(self.recoveries[-20:] or [START_S]) / START_S)
            await asyncio.sleep(
                slower * (self.random.uniform(0.0, 1.5) if kind < 0.1 else self.random.uniform(0.5, 5.0))
            )
            return
        since, wanted = time.monotonic(), self.random.randint(1, 40)
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_CYCLE_S):
                while self.count_sends(since) < wanted and process.returncode is None:
                    await self.sandbox.world.events.wait_next()
        if process.returncode is not None:
            raise RuntimeError(f"The bot ended by itself:\n{self.log.read_text()[-4000:]}")
        if kind < 0.7:
            await asyncio.sleep(self.random.expovariate(20.0))

    def count_sends(self, since: float) -> int:
        """The number of the bot's sending calls since then."""
        recent = itertools.takewhile(lambda call: call.at >= since, reversed(self.sandbox.calls))
        return sum(call.method.lower() in SAYING for call in recent)

    async def settle(self, process: asyncio.subprocess.Process) -> None:
        """Wait until the bot has answered everything, up to a time limit."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline and process.returncode is None:
            await asyncio.sleep(0.25)
            if not len(self.sandbox.updates) and not self.judge.unfinished():
                return


def answers(seed: int) -> list[StubReply | StubRefusal]:
    """The stub engine's replies: mostly fast, some slow enough for partial messages, some failures."""
    moods = random.Random(seed)
    kinds = [
        StubReply(JOKE),
        StubReply(JOKE, token_s=0.05),
        StubReply(JOKE, first_token_s=0.5, token_s=0.15),
        StubRefusal(503),
        StubReply(JOKE, ending="drop"),
    ]
    return moods.choices(kinds, (50, 20, 24, 3, 3), k=50_000)


async def measure(cycles: int, seed: int, folder: Path) -> dict[str, Any]:
    """Run the benchmark in `folder`; returns the values of the module's docstring."""
    async with (
        Sandbox.running(port=0, token=TOKEN, messages_kept=1_000_000, calls_kept=2000) as sandbox,
        StubEngine.running(script=answers(seed), text=JOKE) as engine,
    ):
        return await KillCycles(sandbox, engine, folder / "data", seed).run(cycles)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--cycles", type=int, default=int(os.environ.get("CYCLES", "200")), help="kills (default: CYCLES, else 200)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed for the kills and the users")
    arguments = parser.parse_args()
    # a killed client aborts its requests; don't log that
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(arguments.cycles, arguments.seed, Path(folder)))))


if __name__ == "__main__":
    main()
