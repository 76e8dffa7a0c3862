"""`make bench-reliability ARGS="--cycles 200"`: the bot is killed at random moments while people use it.

The sandbox and a stub engine run in this process, `jokebot run` in one of its own, on one data folder. It is ended with
SIGKILL again and again: while it starts, at any time, or the moment a random call of it reaches Telegram, which then
takes effect though the bot never hears so. People go on all the time: photos, presses on all buttons, commands, alone
and in a group. After the last kill the bot may finish, and every message and row is counted. Printed last, as one JSON
object:

    cycles, photos, ratings     kills; photos and 🔁 that ask for a joke; presses on 😂 🙂 😐
    photos_lost                 photos and 🔁 that got neither a joke nor an apology
    ratings_lost                presses whose verdict is not what the database holds
    ratings_doubled             rows that nobody pressed for, and more people on a joke's buttons than have rated it
    commands_lost               commands that got no answer
    repeated_replies            messages beyond the one that each photo, 🔁 and command is due
    most_repeated_by_one_kill   the same, by the kill that made the bot forget that it had sent the message already
    repeated_without_a_kill     the same, where the bot had not been killed in between
    apologies                   photos given up with an apology, because they were cut off again and again
    recovery_s                  process start after a kill until the bot first answers somebody, median
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
from benchmarks.reliability_people import People, Request
from bot.engine.stub.engine import StubEngine, StubRefusal, StubReply
from bot.sandbox.server import Sandbox

TOKEN = "123456:reliability"
DIGEST_S = 0.3
"""What the killed process had sent still arrives so long after; then a message is the next process's."""
START_S = 0.5
"""Process start until somebody is answered, on a quiet machine; where it takes longer, the kills wait longer too."""
LONGEST_CYCLE_S = 30.0
"""A bot that says nothing for so long is killed without waiting for a call of it."""
SETTLE_S = 900.0
RAISED = {
    "JOKEBOT_LIMITS_MESSAGES_PER_S": "100000",
    "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "100000",
    "JOKEBOT_LIMITS_GROUP_MESSAGES_PER_MIN": "100000",
    "JOKEBOT_LIMITS_EDIT_INTERVAL_S": "0.2",
    "JOKEBOT_LIMITS_PHOTOS_WAITING_PER_PERSON": "1000",
    "JOKEBOT_ENGINE_IN_FLIGHT": "16",
    "JOKEBOT_ENGINE_RETRY_DELAY_S": "0.05",
    "JOKEBOT_LOG_LEVEL": "WARNING",
}
JOKE = "A cat walks into a bar. The bar is closed."
SAYING = {"sendmessage", "editmessagetext", "editmessagereplymarkup", "answercallbackquery"}
UNFINISHED = "unfinished"
Message = dict[str, Any]


class Judge:
    """Counts what became of everything that people did."""

    def __init__(self, people: People, database: Path) -> None:
        self.people, self.database = people, database

    def replies(self, request: Request) -> list[Message]:
        """The bot's replies to a message as they are now."""
        found = (self.people.world.message(request[0], number) for number, _ in self.people.replies.get(request, []))
        return [message for message in found if message]

    def is_final(self, message: Message) -> bool:
        """A joke with its buttons, or an apology; neither a place in the queue nor half a joke."""
        return "reply_markup" in message or self.is_apology(message)

    def is_apology(self, message: Message) -> bool:
        """By its first line; the number that an admin can look for may follow."""
        return message["text"].split("\n")[0] in self.people.apologies

    def unanswered(self) -> dict[str, int]:
        """Photos and commands that are still due something."""
        photos = sum(
            max(0, due - sum(map(self.is_final, self.replies(request)))) for request, due in self.people.photos.items()
        )
        commands = sum(not self.replies(request) for request in self.people.commands)
        return {"photos_lost": photos, "commands_lost": commands}

    def repeated(self) -> Counter[int | None]:
        """Replies beyond what is due, by the kill that ended the process which had sent them; None where there was
        no such kill.
        """
        return sum(
            (self.lost(request, due) for request, due in (self.people.photos + self.people.commands).items()),
            Counter[int | None](),
        )

    def lost(self, request: Request, due: int) -> Counter[int | None]:
        """Of the replies to one message those that the bot didn't know any more when it sent another, by the kill after
        each.

        Of several messages with one joke these are all but the last; so are messages that never became a joke or an
        apology, and if there are still more than are due, the earliest.
        """
        replies = self.people.replies.get(request, [])
        extra, newest = max(0, len(replies) - due), replies[-1][1] if replies else 0
        kept = {self.content(request, number): number for number, _ in replies}
        kept.pop(UNFINISHED, None)
        lost_first = sorted(replies, key=lambda reply: (reply[0] in kept.values(), reply[0]))
        return Counter(cycle if cycle < newest else None for _, cycle in lost_first[:extra])

    def content(self, request: Request, number: int) -> str:
        """What makes two messages the same reply: the joke that their buttons are about, else whether they are
        final.
        """
        message = self.people.world.message(request[0], number)
        if message and "reply_markup" in message:
            return message["reply_markup"]["inline_keyboard"][0][0]["callback_data"].split(":")[1]
        return "apology" if message and self.is_final(message) else UNFINISHED

    def ratings(self) -> dict[str, int]:
        with closing(sqlite3.connect(self.database)) as connection:
            rows = {
                (joke, person): value
                for joke, person, value in connection.execute("SELECT joke_id, person_id, value FROM ratings")
            }
        pressed = {pair: value for pair, (value, _) in self.people.pressed.items()}
        raters = Counter(joke for joke, _ in rows)
        doubled = sum(max(0, shown - raters[joke]) for joke, shown in self.shown())
        return {
            "ratings_lost": sum(rows.get(pair) != value for pair, value in pressed.items()),
            "ratings_doubled": len(rows.keys() - pressed.keys()) + doubled,
        }

    def shown(self) -> list[tuple[int, int]]:
        """(joke, how many people have rated it according to its buttons) of all messages."""
        world, found = self.people.world, []
        for message in [
            message for chat in world.chats for message in world.messages(chat) if "reply_markup" in message
        ]:
            buttons = message["reply_markup"]["inline_keyboard"][0]
            counts = [int(button["text"].split()[1]) for button in buttons if " " in button["text"]]
            found.append((int(buttons[0]["callback_data"].split(":")[1]), sum(counts)))
        return found

    def apologised(self) -> int:
        return sum(self.is_apology(message) for request in self.people.photos for message in self.replies(request))

    def unfinished(self) -> int:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute("SELECT count(*) FROM inbox WHERE state = 'pending'").fetchone()[0]


class Trial:
    """Starts the bot and ends it, again and again."""

    def __init__(self, sandbox: Sandbox, engine: StubEngine, folder: Path, seed: int) -> None:
        self.sandbox, self.engine, self.folder, self.random = sandbox, engine, folder, random.Random(seed)
        self.people = People(sandbox, seed + 1)
        self.judge = Judge(self.people, folder / "jokebot.sqlite3")
        self.log = folder.parent / "bot.log"
        self.recoveries: list[float] = []

    async def run(self, cycles: int) -> dict[str, Any]:
        acting = asyncio.create_task(self.people.act())
        for cycle in range(cycles):
            async with self.bot() as process:
                await self.moment(process)
                process.kill()
                await process.wait()
                await asyncio.sleep(DIGEST_S)
                self.people.cycle = cycle + 1
        acting.cancel()
        with suppress(asyncio.CancelledError):
            await acting
        async with self.bot() as process:
            await self.settle(process)
        repeated, photos = self.judge.repeated(), self.people.photos.total()
        return {
            "cycles": cycles,
            "photos": photos,
            "ratings": self.people.presses,
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
        """A process of it, whose first answer is waited for meanwhile."""
        with self.log.open("ab") as log:
            async with bot_process(self.sandbox.url, self.engine.url, self.folder, TOKEN, RAISED, log) as process:
                watching = asyncio.create_task(self.recovery())
                try:
                    yield process
                finally:
                    watching.cancel()

    async def recovery(self) -> None:
        started = time.monotonic()
        while not self.said(started):
            await self.sandbox.world.events.wait_next()
        self.recoveries.append(time.monotonic() - started)

    async def moment(self, process: asyncio.subprocess.Process) -> None:
        """Wait until it is time: while the bot starts, any time, as one of its calls arrives, or just after one."""
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
                while self.said(since) < wanted and process.returncode is None:
                    await self.sandbox.world.events.wait_next()
        if process.returncode is not None:
            raise RuntimeError(f"The bot ended by itself:\n{self.log.read_text()[-4000:]}")
        if kind < 0.7:
            await asyncio.sleep(self.random.expovariate(20.0))

    def said(self, since: float) -> int:
        """Calls of the bot since then that say something."""
        recent = itertools.takewhile(lambda call: call.at >= since, reversed(self.sandbox.calls))
        return sum(call.method.lower() in SAYING for call in recent)

    async def settle(self, process: asyncio.subprocess.Process) -> None:
        """Let the bot finish; what it never finishes is counted as lost."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline and process.returncode is None:
            await asyncio.sleep(0.25)
            if not len(self.sandbox.updates) and not self.judge.unfinished():
                return


def answers(seed: int) -> list[StubReply | StubRefusal]:
    """What the engine does, request by request: mostly quick, sometimes slow enough to be shown half written, at
    times broken.
    """
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
    """Run the trial in `folder` and return the numbers of the module's docstring."""
    async with (
        Sandbox.running(port=0, token=TOKEN, messages_kept=1_000_000, calls_kept=2000) as sandbox,
        StubEngine.running(script=answers(seed), text=JOKE) as engine,
    ):
        return await Trial(sandbox, engine, folder / "data", seed).run(cycles)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--cycles", type=int, default=int(os.environ.get("CYCLES", "200")), help="kills (default: CYCLES, else 200)"
    )
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments and what people do")
    arguments = parser.parse_args()
    # a killed client breaks off its requests; that is no news here
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(arguments.cycles, arguments.seed, Path(folder)))))


if __name__ == "__main__":
    main()
