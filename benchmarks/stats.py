"""`make bench-stats`: how long an admin waits for /stats, /best and /mine in a chat with many ratings.

A database with made photos, jokes and ratings of one group and its admin; the bot as a process, the sandbox in this
one; `--busy` processes that compute without a pause. Seconds from the command to the first answer; the median of three
unless said otherwise. The last output line is one JSON object:

    stats_s, stats_max_s    /stats, to the numbers
    picture_s               /stats, to the picture, the first time
    picture_again_s         the same with unchanged numbers
    best_s, mine_s          /best and /mine in the group, to the photo
    ratings, busy           what was set
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bot_process import bot_process
from benchmarks.machine import machine
from benchmarks.photos import Photos
from bot.engine.stub.engine import StubEngine
from bot.sandbox.server import Sandbox
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.settings import StorageSettings
from storage.database import Database
from storage.media.photos import add_photo, check_photo

TOKEN = "123456:benchmark"
TRIES = 3
DAYS, USERS, RATINGS_PER_JOKE = 200, 200, 5
TIMEOUT_S = 300.0
MAX_BYTES, MAX_PIXELS = 10_000_000, 10_000_000
BUSY = "while True: sum(range(10_000))"


async def fill(folder: Path, chat_id: int, ratings: int) -> None:
    """Write the photo, and jokes of a group with `ratings` ratings over DAYS days."""
    draw, now, jokes = random.Random(1), time.time(), ratings // RATINGS_PER_JOKE
    storage = StorageSettings(directory=folder)
    async with Database.connect(storage) as database:
        checked = await asyncio.to_thread(check_photo, Photos().next(), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
        photo = await add_photo(database, storage.photos, checked, FIRST_USER_ID)
        times = [now - 86400 * DAYS * (1 - number / jokes) for number in range(jokes)]
        async with database.write() as connection:
            await connection.execute("INSERT INTO models (id, name, status, created_at) VALUES (1, 'made', 'base', 0)")
            await connection.executemany(
                "INSERT INTO jokes (id, photo_id, model_id, person_id, language, style, prompt, text, temperature, "
                "top_p, max_tokens, latency_s, created_at) VALUES (?, ?, 1, ?, 'en', 'pun', '', ?, 1, 1, 64, ?, ?)",
                [
                    (number, photo.id, FIRST_USER_ID + number % USERS, f"Joke {number}.", draw.uniform(0.5, 3), at)
                    for number, at in enumerate(times, 1)
                ],
            )
            await connection.executemany(
                "INSERT INTO deliveries (joke_id, chat_id, message_id, created_at) VALUES (?, ?, ?, ?)",
                [(number, chat_id, number, at) for number, at in enumerate(times, 1)],
            )
            await connection.executemany(
                "INSERT INTO ratings (joke_id, person_id, value, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
                [
                    (number, FIRST_USER_ID + user, draw.choice((1, 2, 3)), at, at)
                    for number, at in enumerate(times, 1)
                    for user in draw.sample(range(USERS), RATINGS_PER_JOKE)
                ],
            )


async def answered(sandbox: Sandbox, chat_id: int, text: str, *, picture: bool = False) -> float:
    """Seconds from a command to its answer, or to the picture in it."""
    started = time.perf_counter()
    number = sandbox.world.send_text(FIRST_USER_ID, chat_id, text)["message_id"]

    def is_there(_: Any) -> bool:
        replies = [one for one in sandbox.world.messages(chat_id) if one.get("reply_to_message")]
        return any(
            one["reply_to_message"]["message_id"] == number and ("photo" in one or not picture) for one in replies
        )

    await sandbox.world.wait_for(is_there, TIMEOUT_S)
    return time.perf_counter() - started


async def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.running(port=0, token=TOKEN))
        engine = await stack.enter_async_context(StubEngine.running())
        group, admin = sandbox.world.group_id, FIRST_USER_ID
        await fill(folder, group, arguments.ratings)
        variables = {"JOKEBOT_TELEGRAM_ADMINS": str(admin), "JOKEBOT_ALERTS_DISK_GB": "0"}
        await stack.enter_async_context(bot_process(sandbox.url, engine.url, folder, TOKEN, variables))
        await answered(sandbox, group, "/help@" + sandbox.world.bot["username"])
        for _ in range(arguments.busy):
            busy = await asyncio.create_subprocess_exec(sys.executable, "-c", BUSY)
            stack.push_async_callback(busy.wait)
            stack.callback(busy.kill)
        picture = await answered(sandbox, admin, "/stats", picture=True)
        numbers = [await answered(sandbox, admin, "/stats") for _ in range(TRIES)]
        again = [await answered(sandbox, admin, "/stats", picture=True) for _ in range(TRIES)]
        shown = {
            name: [await answered(sandbox, group, f"/{name}", picture=True) for _ in range(TRIES)]
            for name in ("best", "mine")
        }
        return {
            "stats_s": round(statistics.median(numbers), 2),
            "stats_max_s": round(max(numbers), 2),
            "picture_s": round(picture, 2),
            "picture_again_s": round(statistics.median(again), 2),
            **{f"{name}_s": round(statistics.median(seconds), 2) for name, seconds in shown.items()},
            "ratings": arguments.ratings,
            "busy": arguments.busy,
            **machine(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ratings", type=int, default=50_000, help="ratings in the group (default: 50,000)")
    parser.add_argument("--busy", type=int, default=4, help="processes that compute meanwhile (default: 4)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(arguments, Path(folder)))))


if __name__ == "__main__":
    main()
