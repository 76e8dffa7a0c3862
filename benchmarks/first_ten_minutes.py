# environment: train
"""`make bench-first_ten_minutes`: does a newcomer see the demo learn, by their own ratings, in the first ten minutes?

Starts the demo as `jokebot demo` does, with its settings. A newcomer (benchmarks/newcomer.py), whose taste is drawn by
the seed over the shapes and subjects of the demo's jokes, rates at most 40 jokes about the pictures that the page
offers, each three seconds after it has come, sends one /retrain, and goes on rating until its trial is over. Then come
24 painted pictures that were never rated. Another user sent the same ones before anything was learnt. Left out: people
who change their mind, who send their own photos, or who press at random. The last output line is one JSON object with
the mean and the worst seed of each measure, and `seeds`, all of them:

    changed         share of the 24 pictures about which the trained model writes another joke than the base, same dice
    liked_before    mean probability that the newcomer likes the 24 jokes before anything was learnt
    liked_after     the same with what serves at the end, chosen by the judge
    gain            liked_after - liked_before
    alone           before and after of the two models by themselves: 4 jokes about each picture, same dice, no judge
    garbled         share of the trained model's jokes by itself that are none of its sentences
    minutes         from the first picture to the end of the trial; `cpu_minutes` of the whole play
    outcome         the run's last state; `ratings`, `duels` of them choices, `rows` learnt from, `load` of the machine
"""

import argparse
import asyncio
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.flywheel_setup import PACK, Album
from benchmarks.machine import finish, machine
from benchmarks.newcomer import ChatOfUser, Newcomer, NewcomerTaste, ShownPicture
from bot.demo.samples import list_samples, photo_folder
from bot.demo.stack import DEMO_MODEL, DEMO_SETTINGS, DemoStack, running_demo
from bot.i18n.translator import Translator
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.learning import GateSettings
from configs.prompts import load_prompts
from configs.settings import load_settings
from storage.database import Database
from storage.learning import runs
from storage.learning.runs import Run

FIRST_RATINGS, RATINGS, READ_S = 31, 40, 3.0
NEW_PICTURES, DRAWS = 24, 4
POLL_INTERVAL_S = 0.3
LANGUAGE = "en"


class FirstTenMinutes:
    """One newcomer's play of a running demo."""

    def __init__(self, demo: DemoStack, database: Database, newcomer: Newcomer, new: list[ShownPicture]) -> None:
        self._demo, self._database, self._newcomer, self._new = demo, database, newcomer, new

    async def play(self, offered: Sequence[ShownPicture], stranger: ChatOfUser) -> dict[str, Any]:
        """Play to the end of the trial, then look at the new pictures."""
        before = [await self._appeal(stranger, picture) for picture in self._new]
        started, newcomer = time.monotonic(), self._newcomer
        half = len(offered) * 2 // 3
        await newcomer.rate(offered[:half], FIRST_RATINGS, lambda: False)
        rated = time.monotonic()
        run = await self._learn()
        learnt = time.monotonic()
        if run and not run.finished:
            run = await self._try(run, [*offered[half:], *offered[:half]])
        minutes = (time.monotonic() - started) / 60
        after = [await self._appeal(newcomer.chat, picture) for picture in self._new]
        return {
            "liked_before": mean(before),
            "liked_after": mean(after),
            "gain": round(mean(after) - mean(before), 4),
            "minutes": round(minutes, 2),
            "rating_s": round(rated - started),
            "learnt_s": round(learnt - rated),
            "outcome": run.state if run else "none",
            "why": run.reason if run else "",
            "ratings": newcomer.ratings,
            "duels": newcomer.duels,
            "longest_wait_s": round(max(newcomer.wait_s), 1),
            "rows": await self._rows(run),
            "chosen_by": await self._choices(),
        }

    async def _appeal(self, chat: ChatOfUser, picture: ShownPicture) -> float:
        message = await chat.send(picture)
        print(message["text"], file=sys.stderr, flush=True)
        return self._newcomer.taste.appeal(message["text"], picture.subject)

    async def _learn(self) -> Run | None:
        """Send /retrain and press Start; returns the run after the gate, None where the bot refuses to start one."""
        question = await self._newcomer.chat.say("/retrain")
        print(question["text"], file=sys.stderr, flush=True)
        if "reply_markup" not in question:
            return None
        await self._newcomer.chat.press(question, 0)
        return await self._wait_for_run(lambda run: run.state not in runs.STEPS)

    async def _try(self, run: Run, pictures: Sequence[ShownPicture]) -> Run:
        """Once the trial's message asks for ratings, rate until the trial is over or all ratings are spent."""
        asked = Translator().format(LANGUAGE, "run-missing", missing=int(DEMO_SETTINGS["CANARY_MAX_RATINGS"]))
        await self._newcomer.chat.wait_for(lambda message: asked in message.get("text", ""))
        over = asyncio.Event()

        async def follow() -> None:
            await self._wait_for_run(lambda newest: newest.finished)
            over.set()

        follower = asyncio.create_task(follow())
        await self._newcomer.rate(pictures, RATINGS - self._newcomer.ratings, over.is_set)
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), 30)
        follower.cancel()
        return await runs.get_run(self._database, run.id)

    async def _wait_for_run(self, matches: Callable[[Run], bool]) -> Run:
        """Wait until the newest run matches; returns it."""
        while True:
            if (newest := await runs.list_runs(self._database, 1)) and matches(newest[0]):
                return newest[0]
            await asyncio.sleep(POLL_INTERVAL_S)

    async def _rows(self, run: Run | None) -> int:
        return await self._database.value(
            "SELECT count(*) FROM dataset_rows JOIN datasets ON datasets.id = dataset_id WHERE name = ? AND part = "
            "'train'",
            (run.dataset if run else None,),
        )

    async def _choices(self) -> dict[str, int]:
        """Numbers of the newcomer's jokes by who chose them."""
        rows = await self._database.rows(
            "SELECT chosen_by, count(*) AS jokes FROM jokes WHERE person_id = ? GROUP BY chosen_by", (FIRST_USER_ID,)
        )
        return {row["chosen_by"]: row["jokes"] for row in rows}


async def play(demo: DemoStack, seed: int, new: list[ShownPicture], read_s: float) -> dict[str, Any]:
    """One seed's play; the trained model is in the demo's data folder afterwards."""
    database = await Database.open(demo.data / "jokebot.sqlite3")
    async with aiohttp.ClientSession(demo.page, timeout=aiohttp.ClientTimeout(total=600)) as session:
        async with session.post("/sandbox/person", json={"name": "Visitor", "language_code": LANGUAGE}) as response:
            stranger = ChatOfUser(session, (await response.json())["person"]["id"])
        chat = ChatOfUser(session, FIRST_USER_ID)
        taste = NewcomerTaste(seed)
        listening = [asyncio.create_task(one.listen()) for one in (chat, stranger)]
        try:
            newcomer = Newcomer(chat, taste, random.Random(f"presses {seed}"), read_s)
            return await FirstTenMinutes(demo, database, newcomer, new).play(offered_pictures(seed), stranger)
        finally:
            for task in listening:
                task.cancel()
            await database.close()


def offered_pictures(seed: int) -> list[ShownPicture]:
    """The pictures that the page offers, in an order of the seed."""
    settings = load_settings()
    samples = list_samples(photo_folder(settings))
    pictures = [ShownPicture(sample.path.read_bytes(), sample.subject) for sample in samples]
    random.Random(f"order {seed}").shuffle(pictures)
    return pictures


def new_pictures(seed: int) -> list[ShownPicture]:
    """Painted pictures that no model was trained on and that the page doesn't offer."""
    album = Album(20_000 + seed, PACK)
    painted = [album.next() for _ in range(NEW_PICTURES)]
    return [ShownPicture(picture.jpeg, picture.subject.en) for picture in painted]


def models_alone(trained: Path, seed: int, pictures: Sequence[ShownPicture], folder: Path) -> dict[str, float]:
    """Both models' jokes about the new pictures by themselves, with the same dice."""
    from trainer.gate.model_loading import load_model
    from trainer.gate.model_scorer import ModelScorer

    taste, files = NewcomerTaste(seed), list[Path]()
    for number, picture in enumerate(pictures):
        files.append(folder / f"new-{number}.jpg")
        files[-1].write_bytes(picture.data)
    prompt, told = load_prompts().ask(LANGUAGE), []
    for model in (DEMO_MODEL, trained):
        loaded = load_model(model, torch.device("cpu"))
        scorer = ModelScorer(loaded, GateSettings(seed=seed), lambda _: None)
        told.append([joke.text for joke in scorer.generate([(file, prompt) for file in files for _ in range(DRAWS)])])
    liked = [mean([taste.appeal(text, pictures[at // DRAWS].subject) for at, text in enumerate(one)]) for one in told]
    firsts = [one[::DRAWS] for one in told]
    return {
        "garbled": mean([not taste.is_known(text) for text in told[1]]),
        "changed": round(sum(old != new for old, new in zip(*firsts, strict=True)) / NEW_PICTURES, 4),
        "alone_before": liked[0],
        "alone_after": liked[1],
        "alone_gain": round(liked[1] - liked[0], 4),
    }


def mean(values: Sequence[float]) -> float:
    return round(sum(values) / max(len(values), 1), 4)


def run_seed(seed: int, read_s: float, keep: Path | None) -> dict[str, Any]:
    """Play one seed in a folder of its own."""
    new, load, cpu = new_pictures(seed), os.getloadavg()[0], cpu_s()
    with tempfile.TemporaryDirectory() as temporary:
        data = (keep / f"seed-{seed}" if keep else Path(temporary) / "demo").absolute()
        with running_demo(load_settings(), data=data) as demo:
            result = asyncio.run(play(demo, seed, new, read_s))
        result["cpu_minutes"] = round((cpu_s() - cpu) / 60, 2)
        result["load"] = [round(load, 1), round(os.getloadavg()[0], 1)]
        trained = data / "models" / "run-1"
        alone = models_alone(trained if trained.is_dir() else DEMO_MODEL, seed, new, Path(temporary))
    return {"seed": seed, **result, **alone}


def cpu_s() -> float:
    """CPU seconds of this process's children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def summary(seeds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and worst of each measure."""
    worst = {
        "changed": min,
        "liked_after": min,
        "gain": min,
        "alone_after": min,
        "alone_gain": min,
        "garbled": max,
        "minutes": max,
    }
    names = (*worst, "liked_before", "alone_before")
    return {
        **{name: mean([seed[name] for seed in seeds]) for name in names},
        "worst": {name: choose(seed[name] for seed in seeds) for name, choose in worst.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="tastes (default: 1 to 5)")
    parser.add_argument("--read-s", type=float, default=READ_S, help=f"seconds to read a joke (default: {READ_S:g})")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the demos' data in this directory")
    parser.add_argument("--save", action="store_true", help="save as benchmarks/results/first_ten_minutes.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seeds = []
    for seed in arguments.seeds:
        seeds.append(run_seed(seed, arguments.read_s, arguments.keep))
        print(json.dumps(seeds[-1]), file=sys.stderr, flush=True)
    result = {**summary(seeds), "seeds": seeds, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
    finish(result, "first_ten_minutes", "saved" if arguments.save else "")


if __name__ == "__main__":
    main()
