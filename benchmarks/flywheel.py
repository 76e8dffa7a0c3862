# environment: train
"""`make bench-flywheel`: whether the loop turns.

People with a hidden taste rate jokes, and the bot finds out what they like.

The demo model, the sandbox, and the real bot with CPU engines that it runs itself. Synthetic people
(benchmarks/crowd.py) send pictures that no training has seen and rate by their taste; an admin asks for each run with
/retrain in the chat. Export, XTuner, merge, gate, trial and swap are those of every installation, under settings that
any admin could choose; nothing is bypassed, and nothing here tells the bot what people like. `--taste` is any set of
styles, `--fond` and `--seed` draw the subjects that people forgive more for. A jury measures: its members send
pictures, read the jokes, and press nothing. Printed last, as one JSON object:

    liking      the jury's liking over pictures that nobody had sent before: before the first run, and after each run
    ratings     verdicts that people pressed, in all
    seconds     from the first photo to the last
    taste       styles and seed; `outcomes`: how each run ended; `duels`: choices between two jokes; `lost`: photos
        without a
                joke; `leaked`: pictures of the jury in datasets; `runs`: rows, ratings of the trial and seconds of
                    each run
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # -P leaves the program's own folder out

from benchmarks import plots  # noqa: E402
from benchmarks.crowd import Crowd, Picture, Taste, several, until  # noqa: E402
from benchmarks.machine import RESULTS, finish, machine  # noqa: E402
from bot.runtime.child_process import ChildProcess, start_child  # noqa: E402
from storage.database import Database  # noqa: E402
from storage.learning import runs  # noqa: E402
from storage.learning.runs import Run  # noqa: E402
from storage.learning.trials import get_trial_of_run  # noqa: E402
from trainer.demo_model.augmentation import PicturePainter, to_jpeg  # noqa: E402
from trainer.demo_model.build import TRAINING  # noqa: E402
from trainer.demo_model.evaluate import SEED  # noqa: E402
from trainer.demo_model.picture_pack import load_pack, shrink  # noqa: E402
from trainer.demo_model.subjects import load_subjects  # noqa: E402

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
PACK = ROOT / "build" / "demo-model" / "pictures.zip"
BOT_PYTHON = ROOT / ".venv" / "bot" / "bin" / "python"
TOKEN = "123456:flywheel"
ADMIN = 1001
"""The sandbox's first person."""
SETTINGS = {
    "ENGINE_KIND": "cpu",
    "CANARY_ASSIGN_BY": "photo",
    "MODEL_NAME": "demo",
    "MODEL_DIRECTORY": str(CHECKPOINT),
    "LOG_LEVEL": "INFO",
    "LIMITS_MESSAGES_PER_S": "1000",
    "LIMITS_CHAT_MESSAGES_PER_S": "1000",
    "LIMITS_GROUP_MESSAGES_PER_MIN": "60000",
    "LIMITS_EDIT_INTERVAL_S": "30",
    "JOKE_STYLE": "neutral",
    "RETRAIN_CRON": "",
    "RETRAIN_START_AT_NEW_PAIRS": "0",
    "SELECTION_HOLDOUT_SHARE": "0.15",
    "TRAINING_LEARNING_RATE": "3e-4",
    "TRAINING_LORA_RANK": "16",
    "TRAINING_LORA_ALPHA": "32",
    "TRAINING_LORA_DROPOUT": "0",
    "TRAINING_EPOCHS": "1",
    "TRAINING_BATCH_SIZE": "4",
    "TRAINING_ACCUMULATION": "1",
    "TRAINING_WORKERS": "0",
    "CANARY_INITIAL_SHARE": "0.4",
    "CANARY_INITIAL_RATINGS": "30",
    "DUEL_ONE_IN_PHOTOS": "10",
    "BACKUP_EVERY_H": "0",
}
"""What differs from the defaults: sizes for a model three hundred times smaller than the real ones, and a quicker
start of the trial.
"""


@dataclass(frozen=True)
class Scale:
    """How much of everything: photos that people have sent in all before each run, those of trials too; the jury's
    pictures, acts at once, further settings."""

    people: int
    groups: int
    photos: tuple[int, ...]
    measured: int
    at_once: int
    settings: dict[str, str]


FULL = Scale(24, 3, (420, 760, 2200), 200, 6, {"GATE_PHOTOS": "40"})
SMALL = Scale(
    6,
    2,
    (60,),
    8,
    4,
    {
        "SELECTION_HOLDOUT_SHARE": "0.4",
        "RETRAIN_MIN_PAIRS": "3",
        "GATE_REPLIES_PER_LANGUAGE": "4",
        "GATE_PHOTOS": "12",
        "GATE_MAX_WRONG_LANGUAGE_INCREASE": "0.2",
        "CANARY_INITIAL_RATINGS": "8",
        "CANARY_INITIAL_SHARE": "0.5",
        "CANARY_MAX_RATINGS": "40",
        "DUEL_ONE_IN_PHOTOS": "5",
        "SELECTION_MAX_ROWS": "16",
        "SELECTION_MAX_USER_SHARE": "1",
    },
)
"""CI's.

Of its gate's eight replies one in another language is let pass: so few can't tell two in a hundred from none.
"""
PER_GROUP = 6
PATIENCE, MORE = 20, 12
"""How often an admin asks for a run while there is too little new, and how many more photos people send before each
next time.
"""


class Album:
    """Pictures that nobody has seen: painted as they are asked for, by a seed that no build of the model uses."""

    def __init__(self, seed: int, pack: Path) -> None:
        known = json.loads((CHECKPOINT / TRAINING).read_text(encoding="utf-8"))["sets"]
        drawings = [drawing for drawing in load_pack(pack) if drawing.set in known]
        self.painter = PicturePainter(drawings, torch.device("cpu"), SEED + 1000 + seed, restyle=False)
        self.subjects = load_subjects()

    def next(self) -> Picture:
        scene = self.painter.paint(1, 448)
        return Picture(to_jpeg(scene.pictures[0]), self.subjects[int(scene.subjects[0])])


def write_sample_pack(path: Path) -> Path:
    """A small pack of the drawings that come with the program, for where the whole one can't be made."""
    index = []
    with zipfile.ZipFile(path, "w") as pack:
        for number, sample in enumerate(sorted((ROOT / "configs" / "demo-model" / "samples").glob("*.jpg"))):
            pack.writestr(f"{number:05d}.webp", shrink(sample))
            index.append([sample.stem, "noto"])
        pack.writestr("index.json", json.dumps(index))
    return path


class Flywheel:
    """The crowd, the admin, and what is measured."""

    def __init__(self, crowd: Crowd, album: Album, database: Database, scale: Scale) -> None:
        self.crowd, self.album, self.database, self.scale = crowd, album, database, scale
        self.shared = 0
        self.liking: list[float] = []
        self.told: list[dict[str, Any]] = []

    async def turn(self, rounds: int) -> dict[str, Any]:
        """All rounds; the numbers of the module's docstring."""
        began = time.monotonic()
        await self.measure()
        for number in range(rounds):
            wanted = self.scale.photos[number] if number < len(self.scale.photos) else 0
            await several(max(0, wanted - self.shared), self.scale.at_once, self.share)
            await self.round()
            await self.measure()
        return {
            "liking": self.liking,
            "ratings": self.crowd.ratings,
            "seconds": round(time.monotonic() - began),
            "outcomes": [run["state"] for run in self.told],
            "duels": self.crowd.duels,
            "lost": self.crowd.lost,
            "leaked": await self.leaked(),
            "runs": self.told,
        }

    async def share(self, number: int) -> None:
        self.shared += 1
        await self.crowd.share(number, self.album.next())

    async def measure(self) -> None:
        """The jury's liking of who is in service."""
        liked = [
            one
            for one in await several(
                self.scale.measured, self.scale.at_once, lambda number: self.crowd.look(number, self.album.next())
            )
            if one is not None
        ]
        self.liking.append(round(sum(liked) / max(len(liked), 1), 4))
        print(f"liking {self.liking[-1]} over {len(liked)} pictures", file=sys.stderr, flush=True)

    async def round(self) -> Run:
        """One run, from /retrain to the end of its trial; what is to be told of it goes to `told`."""
        began, photos = time.monotonic(), self.shared
        run = await self.accumulate()
        learnt_s, ratings = round(time.monotonic() - began), self.crowd.ratings
        if not run.finished:
            run = await self.trial(run)
        trial = await get_trial_of_run(self.database, run.id)
        rows = await self.database.value(
            "SELECT count(*) FROM dataset_rows JOIN datasets ON datasets.id = dataset_id WHERE name = ? AND part = "
            "'train'",
            (run.dataset,),
        )
        self.told.append(
            {
                "state": run.state,
                "reason": run.reason,
                "photos": photos,
                "rows": rows,
                "learnt_s": learnt_s,
                "trial_ratings": self.crowd.ratings - ratings,
                "trial": json.loads(trial.measures) if trial else None,
                "seconds": round(time.monotonic() - began),
                "steps": await self.steps(run),
            }
        )
        print(json.dumps(self.told[-1]), file=sys.stderr, flush=True)
        return run

    async def accumulate(self) -> Run:
        """/retrain in the chat, and yes; the run once the gate has spoken."""
        before = {run.id for run in await runs.list_runs(self.database)}
        for _ in range(PATIENCE):
            question = await self.crowd.say(ADMIN, "/retrain")
            if "reply_markup" in question:
                break
            print(question["text"], file=sys.stderr, flush=True)
            await several(MORE, self.scale.at_once, self.share)
        await self.crowd.press(ADMIN, ADMIN, question, 0)
        return await self.run_that(lambda run: run.id not in before and run.state not in runs.STEPS)

    async def trial(self, run: Run) -> Run:
        """People send and rate until the trial is over."""
        over = asyncio.Event()

        async def follow() -> None:
            await self.run_that(lambda found: found.id == run.id and found.finished)
            over.set()

        following = asyncio.create_task(follow())
        await until(over, self.scale.at_once, self.share)
        await following
        return await runs.get_run(self.database, run.id)

    async def steps(self, run: Run) -> dict[str, float]:
        """Seconds that the run was in each state."""
        states = await runs.list_states(self.database, run.id)
        return {state: round(later - at, 1) for (state, at), (_, later) in zip(states, states[1:], strict=False)}

    async def run_that(self, fits: Callable[[Run], bool]) -> Run:
        """Wait for the newest run to be so."""
        while True:
            if (newest := await runs.list_runs(self.database, 1)) and fits(newest[0]):
                return newest[0]
            await asyncio.sleep(0.5)

    async def leaked(self) -> int:
        """Pictures of the jury that got into a dataset."""
        return await self.database.value(
            "SELECT count(DISTINCT photo_id) FROM dataset_rows JOIN jokes ON jokes.id = joke_id JOIN photo_senders "
            "USING (photo_id) "
            "WHERE photo_senders.person_id IN (SELECT value FROM json_each(?))",
            (json.dumps(self.crowd.jury),),
        )


@contextmanager
def bot_and_sandbox(data: Path, settings: dict[str, str], python: Path = BOT_PYTHON) -> Iterator[str]:
    """Both as processes of the bot environment; gives the sandbox's address.

    Raises ChildFailed where one doesn't start.
    """
    environment = {
        **os.environ,
        **{f"JOKEBOT_{name}": value for name, value in {**SETTINGS, **settings}.items()},
        "PYTHONUNBUFFERED": "1",
        "JOKEBOT_STORAGE_DIRECTORY": str(data),
        "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
        "JOKEBOT_TELEGRAM_ADMINS": str(ADMIN),
    }
    with ExitStack() as stack:

        def start(name: str, *command: str) -> ChildProcess:
            child = start_child(
                name,
                [str(python), "-m", "bot", *command],
                log=data.parent / f"{name}.log",
                environment=environment,
                cwd=ROOT,
            )
            return stack.enter_context(child)

        environment["JOKEBOT_TELEGRAM_BASE_URL"] = page = start(
            "sandbox", "sandbox", "--port", "0", "--token", TOKEN
        ).wait_ready()
        start("bot", "run").wait_ready()
        yield page


async def play(data: Path, taste: Taste, scale: Scale, rounds: int, album: Album, seed: int) -> dict[str, Any]:
    with bot_and_sandbox(data, scale.settings) as page:
        database = await Database.open(data / "jokebot.sqlite3")
        async with aiohttp.ClientSession(page, timeout=aiohttp.ClientTimeout(total=600)) as session:
            crowd = Crowd(session, taste, random.Random(seed))
            await crowd.gather(scale.people, scale.groups, PER_GROUP, jury=4)
            listening = asyncio.create_task(crowd.listen())
            try:
                return await Flywheel(crowd, album, database, scale).turn(rounds)
            finally:
                listening.cancel()
                await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--taste", default="deadpan", help="styles that people like, with commas (default deadpan)")
    parser.add_argument("--fond", type=float, default=0.3, help="share of subjects that they forgive more for")
    parser.add_argument("--seed", type=int, default=1, help="draws those subjects, the pictures, and people's moods")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--small", action="store_true", help="few people, few photos, a short trial: does it turn at all?"
    )
    parser.add_argument(
        "--pack",
        type=Path,
        default=PACK,
        help="the drawings that pictures are painted from; made where the default is missing",
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the bot's data and logs in this new directory")
    parser.add_argument(
        "--save",
        default="",
        metavar="NAME",
        help="keep the result as benchmarks/results/flywheel_NAME.json, and draw all of them",
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
        kept = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("flywheel_*.json"))]
        plots.write("flywheel", partial(plots.flywheel, kept), RESULTS)


if __name__ == "__main__":
    main()
