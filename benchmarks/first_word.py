"""`make bench-first_word`: how much later the first word of a joke comes with several candidates than with one.

The bot runs in this process, with the sandbox as Telegram, stub engines of different speeds and a judge made by hand
that likes three words. A user sends photos one after another, each once the last is answered. Photos count from the one
after the first that got all candidates. The stub writes several candidates as fast as one, which a real engine doesn't;
with `cpu` it writes one after another, as the CPU engine does. The user's wait is measured in the chat: from the photo
to the first message with text.

Prints last, as one JSON object, `ratio_worst` (the largest ratio of the medians) and for each engine:

    first_1, first_n   median seconds to the first text with one candidate and with several
    whole_1, whole_n   median seconds to the whole joke
    ratio              first_n / first_1
    chosen             jokes by chosen_by

`load`: processes that wanted a core when the measurement began.
"""

import argparse
import asyncio
import io
import json
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import RESULTS, machine  # noqa: E402
from bot.app import started_app  # noqa: E402
from bot.engine.stub.engine import StubEngine, StubReply  # noqa: E402
from bot.retraining import judge_fitting  # noqa: E402
from bot.sandbox.server import Sandbox  # noqa: E402
from configs.settings import Settings  # noqa: E402
from storage.database import Database  # noqa: E402
from storage.judge.dense_features import DENSE, SPECIFICITY_COLUMNS  # noqa: E402
from storage.judge.features import COLUMNS, text_features  # noqa: E402
from storage.judge.registry import judge_file, register_judge  # noqa: E402
from storage.judge.scorer import Judge, PersonalEffects  # noqa: E402

TOKEN = "123456:first-word"
SENTENCE = "a cat dog reads the news in bed while others ask why it pays rent with socks and dust"
LIKED = ("cat", "socks", "rent")
LENGTHS = (15, 45)
"""Words of a joke, uniformly drawn."""
TIMEOUT_S, MAX_WARM_UP = 100.0, 20
"""The first photos may come before the judge is loaded."""


@dataclass(frozen=True)
class Engine:
    """A stub engine: seconds to the first word and between words, replies at the same time, and candidates."""

    first_word_s: float
    word_s: float
    parallel: int
    candidates: int


ENGINES = {
    "fast": Engine(0.25, 0.012, 1000, 4),
    "middling": Engine(0.6, 0.04, 1000, 4),
    "slow": Engine(1.5, 0.12, 1000, 4),
    "cpu": Engine(0.5, 0.02, 1, 2),
    "slow_cpu": Engine(2.0, 0.1, 1, 2),
}


def make_judge() -> Judge:
    """A judge that likes LIKED."""
    weights = np.zeros(COLUMNS)
    rows = text_features(LIKED)
    np.add.at(weights, rows.column, rows.value)
    effects, members = PersonalEffects.none(), np.empty((0, 2), np.int64)
    dense, specificity = np.zeros(len(DENSE)), np.zeros(SPECIFICITY_COLUMNS)
    return Judge(weights, dense, specificity, 0.0, 1.0, {}, effects, effects, members, {"usable": True})


async def prepare(settings: Settings) -> None:
    """Put the judge into service in a new data folder."""
    judge = make_judge()
    settings.storage.judges.mkdir(parents=True, exist_ok=True)
    judge.save(judge_file(settings.storage.judges, judge.version))
    async with Database.connect(settings.storage) as database:
        await register_judge(
            database, judge.version, usable=True, reactions=100, measures=judge.measures, began_at=time.time()
        )


def photo_file(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), (number * 37 % 256, number * 91 % 256, 90)).save(buffer, "JPEG")
    return buffer.getvalue()


async def answer(sandbox: Sandbox, number: int) -> tuple[float, float]:
    """Send a photo; seconds to the first text and to the buttons."""
    world = sandbox.world
    user = next(iter(world.users))
    started = time.monotonic()
    sent = world.send_photo(user, user, photo_file(number), None)["message_id"]

    def reply(with_buttons: bool) -> Any:
        replies = (m for m in world.messages(user) if m.get("reply_to_message", {}).get("message_id") == sent)
        return next((m for m in replies if m.get("text") and (m.get("reply_markup") or not with_buttons)), None)

    await world.wait_for(lambda _: reply(False), TIMEOUT_S)
    first = time.monotonic() - started
    await world.wait_for(lambda _: reply(True), TIMEOUT_S)
    return first, time.monotonic() - started


async def measure(engine: Engine, candidates: int, photos: int) -> dict[str, Any]:
    """Median times with so many candidates, and how jokes were chosen."""
    rng, warm = random.Random(1), 0
    judge_fitting.START_S = 0.0
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.running(port=0, token=TOKEN))
        stub = await stack.enter_async_context(StubEngine.running())
        stub.parallel = asyncio.Semaphore(engine.parallel)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings(
            telegram={"token": TOKEN, "base_url": sandbox.url},
            storage={"directory": folder},
            engine={"url": stub.url},
            limits={"messages_per_s": 1000, "chat_messages_per_s": 1000},
            joke={"candidates": candidates},
            access={"strangers": "allow"},
            alerts={"disk_gb": 0},
        )
        await prepare(settings)
        app = await stack.enter_async_context(started_app(settings))
        task = asyncio.create_task(app.run())
        times: list[tuple[float, float]] = []
        for number in range(MAX_WARM_UP + photos):
            stub.script.clear()
            for _ in range(candidates):
                text = " ".join(rng.choice(SENTENCE.split()) for _ in range(rng.randint(*LENGTHS)))
                stub.script.append(StubReply(text, engine.first_word_s, engine.word_s))
            before = stub.requests
            times.append(await answer(sandbox, number))
            if not warm and stub.requests - before == candidates:
                warm = number + 1
            if warm and number + 1 == warm + photos:
                break
        rows = await app.database.rows("SELECT chosen_by, count(*) AS jokes FROM jokes GROUP BY 1")
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return {
            "first": statistics.median(first for first, _ in times[warm:]),
            "whole": statistics.median(whole for _, whole in times[warm:]),
            "chosen": {row["chosen_by"]: row["jokes"] for row in rows},
        }


async def run(photos: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, engine in ENGINES.items():
        one = await measure(engine, 1, photos)
        several = await measure(engine, engine.candidates, photos)
        result[name] = {
            "first_1": round(one["first"], 2),
            "first_n": round(several["first"], 2),
            "whole_1": round(one["whole"], 2),
            "whole_n": round(several["whole"], 2),
            "ratio": round(several["first"] / one["first"], 2),
            "candidates": engine.candidates,
            "chosen": several["chosen"],
        }
        print(name, json.dumps(result[name]), flush=True)
    return {"photos": photos, **result, "ratio_worst": max(entry["ratio"] for entry in result.values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=int, default=6, help="counted photos for each engine and number of candidates")
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/first_word.json")
    arguments, load = parser.parse_args(), os.getloadavg()[0]
    result = {
        **asyncio.run(run(arguments.photos)),
        "load": round(load, 1),
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
    }
    if arguments.keep:
        (RESULTS / "first_word.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
