# environment: train
"""The setup of the flywheel benchmarks: settings and sizes, unseen pictures, and the bot beside a sandbox."""

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from benchmarks.crowd import Picture
from benchmarks.machine import ROOT
from bot.runtime.child_process import ChildProcess, start_child
from configs.subjects import load_subjects
from trainer.demo_model.augmentation import PicturePainter, to_jpeg
from trainer.demo_model.build import TRAINING
from trainer.demo_model.evaluate import SEED
from trainer.demo_model.picture_pack import PictureEntry, load_pack, shrink

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
PACK = ROOT / "build" / "demo-model" / "pictures.zip"
BOT_PYTHON = ROOT / ".venv" / "bot" / "bin" / "python"
TOKEN = "123456:flywheel"
ADMIN = 1001
"""User id of the sandbox's first user."""
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
    "RETRAIN_MIN_PAIRS": "20",
    "GATE_REPLIES_PER_LANGUAGE": "60",
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
    "CANARY_MIN_DAYS": "0",
    "DUEL_ONE_IN_PHOTOS": "10",
    "BACKUP_EVERY_H": "0",
}
"""Settings that differ from the defaults: sizes for a model 300 times smaller, runs from 20 pairs on (default: 60), a
faster start of the trial, and no `canary.min_days`, so nothing corrects for novelty: these users have none and no
weekends, and a run lasts an hour. The gate asks for 60 new jokes in each language instead of 480, because a CPU writes
them; its limits are wider then, and it accepts that the model narrows to the one style that these users like."""


@dataclass(frozen=True)
class Scale:
    """The benchmark's size.

    `photos`: total photos sent before each run, trials included. `measured`: pictures of the jury per measurement.
    `at_once`: concurrent user actions. `settings`: further settings of the bot.
    """

    users: int
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
"""For CI. Its gate accepts one of eight replies in another language: eight are too few to measure a share of 2 %."""
PER_GROUP = 6


@cache
def known_drawings(pack: Path) -> list[PictureEntry]:
    """The drawings of the sets that the model was trained on."""
    known = json.loads((CHECKPOINT / TRAINING).read_text(encoding="utf-8"))["sets"]
    return [drawing for drawing in load_pack(pack) if drawing.set in known]


class Album:
    """Unseen pictures, painted on demand with a seed that no build of the model uses."""

    def __init__(self, seed: int, pack: Path) -> None:
        self.painter = PicturePainter(known_drawings(pack), torch.device("cpu"), SEED + 1000 + seed, restyle=False)
        self.subjects = load_subjects()

    def next(self) -> Picture:
        scene = self.painter.paint(1, 448)
        return Picture(to_jpeg(scene.pictures[0]), self.subjects[int(scene.subjects[0])])


def write_sample_pack(path: Path) -> Path:
    """Write a small pack of the sample drawings in the repository, if the full pack can't be built."""
    index = []
    with zipfile.ZipFile(path, "w") as pack:
        for number, sample in enumerate(sorted((ROOT / "configs" / "demo-model" / "samples").glob("*.jpg"))):
            pack.writestr(f"{number:05d}.webp", shrink(sample))
            index.append([sample.stem, "noto"])
        pack.writestr("index.json", json.dumps(index))
    return path


@contextmanager
def bot_and_sandbox(data: Path, settings: dict[str, str], python: Path = BOT_PYTHON) -> Iterator[str]:
    """Run both as processes of the bot environment; yields the sandbox's URL. Raises ChildFailed."""
    environment = {
        **os.environ,
        **{f"JOKEBOT_{name}": value for name, value in {**SETTINGS, **settings}.items()},
        "PYTHONUNBUFFERED": "1",
        "JOKEBOT_STORAGE_DIRECTORY": str(data),
        "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
        "JOKEBOT_ACCESS_STRANGERS": "allow",
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
