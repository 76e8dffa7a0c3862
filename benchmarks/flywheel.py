# environment: train
"""`make bench-flywheel`: whether the bot learns the hidden taste of simulated users from their ratings.

Runs the demo model, the sandbox and the real bot with its own CPU engines. Simulated users (benchmarks/crowd.py) send
unseen pictures and rate by their taste; an admin starts each run with /retrain in the chat. Export, XTuner, merge,
gate, trial and swap are the real ones with settings that an admin could choose. `--taste` lists the liked styles;
`--fond` and `--seed` draw the favourite subjects. A jury measures the liking: it sends pictures and reads jokes without
rating. The last output line is one JSON object:

    liking      the jury's liking on unseen pictures, before the first run and after each run
    ratings     number of ratings
    seconds     from the first photo to the last
    taste       styles and seed; `outcomes`: each run's final state; `duels`: choices between two jokes; `lost`: photos
                without a joke; `leaked`: jury pictures in datasets; `runs`: rows, trial ratings and seconds per run
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # -P removes the script's folder

from benchmarks import plots  # noqa: E402
from benchmarks.crowd import Crowd, Taste, run_concurrently, run_until  # noqa: E402
from benchmarks.flywheel_setup import ADMIN, FULL, PACK, PER_GROUP, SMALL, Album, Scale, bot_and_sandbox  # noqa: E402
from benchmarks.machine import RESULTS, finish, machine  # noqa: E402
from storage.database import Database  # noqa: E402
from storage.learning import runs  # noqa: E402
from storage.learning.runs import Run  # noqa: E402
from storage.learning.trials import get_trial_of_run  # noqa: E402

MAX_RETRAIN_REQUESTS, PHOTOS_BETWEEN_REQUESTS = 20, 12
"""Maximum number of /retrain while there is too little new data, and photos sent before the next one."""


class Flywheel:
    """The crowd, the admin and the measurements."""

    def __init__(self, crowd: Crowd, album: Album, database: Database, scale: Scale) -> None:
        self.crowd, self.album, self.database, self.scale = crowd, album, database, scale
        self.shared = 0
        self.liking: list[float] = []
        self.runs: list[dict[str, Any]] = []

    async def turn(self, rounds: int) -> dict[str, Any]:
        """Run all rounds; returns the values of the module's docstring."""
        started = time.monotonic()
        await self.measure()
        for number in range(rounds):
            wanted = self.scale.photos[number] if number < len(self.scale.photos) else 0
            await run_concurrently(max(0, wanted - self.shared), self.scale.at_once, self.share)
            await self.round()
            await self.measure()
        return {
            "liking": self.liking,
            "ratings": self.crowd.ratings,
            "seconds": round(time.monotonic() - started),
            "outcomes": [run["state"] for run in self.runs],
            "duels": self.crowd.duels,
            "lost": self.crowd.lost,
            "leaked": await self.leaked(),
            "runs": self.runs,
        }

    async def share(self, number: int) -> None:
        self.shared += 1
        await self.crowd.share(number, self.album.next())

    async def measure(self) -> None:
        """Measure the jury's liking of the champion."""
        liked = [
            verdict
            for verdict in await run_concurrently(
                self.scale.measured, self.scale.at_once, lambda number: self.crowd.judge(number, self.album.next())
            )
            if verdict is not None
        ]
        self.liking.append(round(sum(liked) / max(len(liked), 1), 4))
        print(f"liking {self.liking[-1]} over {len(liked)} pictures", file=sys.stderr, flush=True)

    async def round(self) -> Run:
        """Do one run, from /retrain to the end of its trial; adds its results to `runs`."""
        started, photos = time.monotonic(), self.shared
        run = await self.learn()
        learnt_s, ratings = round(time.monotonic() - started), self.crowd.ratings
        if not run.finished:
            run = await self.trial(run)
        trial = await get_trial_of_run(self.database, run.id)
        rows = await self.database.value(
            "SELECT count(*) FROM dataset_rows JOIN datasets ON datasets.id = dataset_id WHERE name = ? AND part = "
            "'train'",
            (run.dataset,),
        )
        self.runs.append(
            {
                "state": run.state,
                "reason": run.reason,
                "photos": photos,
                "rows": rows,
                "learnt_s": learnt_s,
                "trial_ratings": self.crowd.ratings - ratings,
                "trial": json.loads(trial.measures) if trial else None,
                "seconds": round(time.monotonic() - started),
                "steps": await self.steps(run),
            }
        )
        print(json.dumps(self.runs[-1]), file=sys.stderr, flush=True)
        return run

    async def learn(self) -> Run:
        """Send /retrain and confirm it; returns the run after the gate's verdict."""
        before = {run.id for run in await runs.list_runs(self.database)}
        for _ in range(MAX_RETRAIN_REQUESTS):
            question = await self.crowd.send_text(ADMIN, "/retrain")
            if "reply_markup" in question:
                break
            print(question["text"], file=sys.stderr, flush=True)
            await run_concurrently(PHOTOS_BETWEEN_REQUESTS, self.scale.at_once, self.share)
        await self.crowd.press(ADMIN, ADMIN, question, 0)
        return await self.wait_for_run(lambda run: run.id not in before and run.state not in runs.STEPS)

    async def trial(self, run: Run) -> Run:
        """Send and rate photos until the trial ends."""
        over = asyncio.Event()

        async def follow() -> None:
            await self.wait_for_run(lambda newest: newest.id == run.id and newest.finished)
            over.set()

        follower = asyncio.create_task(follow())
        await run_until(over, self.scale.at_once, self.share)
        await follower
        return await runs.get_run(self.database, run.id)

    async def steps(self, run: Run) -> dict[str, float]:
        """Seconds of the run in each state."""
        states = await runs.list_states(self.database, run.id)
        return {state: round(later - at, 1) for (state, at), (_, later) in zip(states, states[1:], strict=False)}

    async def wait_for_run(self, matches: Callable[[Run], bool]) -> Run:
        """Wait until the newest run matches; returns it."""
        while True:
            if (newest := await runs.list_runs(self.database, 1)) and matches(newest[0]):
                return newest[0]
            await asyncio.sleep(0.5)

    async def leaked(self) -> int:
        """The number of jury pictures in datasets."""
        return await self.database.value(
            "SELECT count(DISTINCT photo_id) FROM dataset_rows JOIN jokes ON jokes.id = joke_id JOIN photo_senders "
            "USING (photo_id) "
            "WHERE photo_senders.person_id IN (SELECT value FROM json_each(?))",
            (json.dumps(self.crowd.jury),),
        )


async def play(data: Path, taste: Taste, scale: Scale, rounds: int, album: Album, seed: int) -> dict[str, Any]:
    with bot_and_sandbox(data, scale.settings) as page:
        database = await Database.open(data / "jokebot.sqlite3")
        async with aiohttp.ClientSession(page, timeout=aiohttp.ClientTimeout(total=600)) as session:
            crowd = Crowd(session, taste, random.Random(seed))
            await crowd.gather(scale.users, scale.groups, PER_GROUP, jury=4)
            listening = asyncio.create_task(crowd.listen())
            try:
                return await Flywheel(crowd, album, database, scale).turn(rounds)
            finally:
                listening.cancel()
                await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--taste", default="deadpan", help="styles that users like, separated by commas (default: deadpan)"
    )
    parser.add_argument("--fond", type=float, default=0.3, help="share of favourite subjects")
    parser.add_argument("--seed", type=int, default=1, help="seed for subjects, pictures and users")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="few users, few photos and a short trial, for CI")
    parser.add_argument(
        "--pack",
        type=Path,
        default=PACK,
        help="pack of drawings to paint from; the default is built if it is missing",
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="new directory for the bot's data and logs")
    parser.add_argument(
        "--save",
        default="",
        metavar="NAME",
        help="save the result as benchmarks/results/flywheel_NAME.json and plot all of them",
    )
    arguments = parser.parse_args()
    if arguments.pack == PACK and not PACK.is_file():
        subprocess.run([sys.executable, "-m", "bot", "demo-model", "pack"], check=True, cwd=ROOT)
    torch.set_num_threads(1)
    styles = arguments.taste.split(",")
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.keep or Path(temporary) / "flywheel").absolute()
        work.mkdir(parents=True)
        taste, album = Taste(styles, arguments.fond, arguments.seed), Album(arguments.seed, arguments.pack)
        result = asyncio.run(
            play(work / "data", taste, SMALL if arguments.small else FULL, arguments.rounds, album, arguments.seed)
        )
    result |= {
        "taste": {"styles": styles, "fond": arguments.fond, "seed": arguments.seed},
        "small": arguments.small,
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
    }
    finish(result, "flywheel", arguments.save)
    if arguments.save:
        results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("flywheel_*.json"))]
        plots.write("flywheel", partial(plots.flywheel, results), RESULTS)


if __name__ == "__main__":
    main()
