"""A small base model, a dataset of eight pairs, and training runs on them as processes of their own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from configs.prompts import load_prompts
from storage.learning.run_files import read_progress, read_training_steps
from trainer.demo_model.architectures import SHAPES
from trainer.demo_model.random_weights import write_random

torch.set_num_threads(1)

ROOT = Path(__file__).parents[3]
SMALL = replace(
    SHAPES["tiny"],
    layers=3,
    intermediate=320,
    vision_hidden=64,
    vision_layers=2,
    vision_heads=1,
    vision_intermediate=128,
)
FAST = {"LORA_RANK": 16, "LORA_ALPHA": 32, "LEARNING_RATE": 3e-3, "BATCH_SIZE": 4, "ACCUMULATION": 1, "EPOCHS": 3}
"""Settings of a short run: what a test says itself comes on top."""
ANSWERS = (
    "The sun wanted a holiday.",
    "我是一只沙发上的国王。",
    "Green, but not with envy!",
    "It fell far from the tree :)",
    "Nobody told the moon.",
    "蓝色星期一，又来了",
    "Two circles walk into a bar.",
    "That's no hat 🎩",
)


@dataclass
class Run:
    """A training run as a process."""

    out: Path
    process: subprocess.Popen
    log: Path
    said: dict[str, Any] = field(default_factory=dict)

    def wait(self, seconds: float = 1000) -> int:
        code = self.process.wait(seconds)
        self.said = read_progress(self.out)
        return code

    def losses(self) -> dict[int, float]:
        return {int(line["step"]): line["loss"] for line in read_training_steps(self.out)}

    def until(self, true: Callable[[], Any], seconds: float = 1000) -> None:
        """Wait for something that the run brings about."""
        deadline = time.monotonic() + seconds
        while not true():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.02)


def make_dataset(directory: Path, answers: tuple[str, ...] = ANSWERS) -> Path:
    """A dataset in the exporter's form: each picture in colours of its own, every other one wide."""
    (directory / "images").mkdir(parents=True)
    rows = []
    for number, answer in enumerate(answers):
        hue, size = 360 * number // len(answers), (900, 450) if number % 2 else (500, 400)
        picture = Image.new("RGB", size, f"hsl({hue}, 90%, 50%)")
        ImageDraw.Draw(picture).ellipse(
            (40 * number, 50, 40 * number + 200, 250), fill=f"hsl({(hue + 150) % 360}, 90%, {30 + 5 * number}%)"
        )
        picture.save(directory / "images" / f"{number}.jpg", quality=95)
        prompt = load_prompts().ask("zh" if number % 3 == 1 else "en")
        rows.append(
            {
                "id": f"joke-{number}",
                "image": f"images/{number}.jpg",
                "image_wh": list(size),
                "conversations": [{"from": "human", "value": f"<image>\n{prompt}"}, {"from": "gpt", "value": answer}],
            }
        )
    (directory / "train.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return directory


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bases") / "small"
    write_random(directory, SMALL, seed=5)
    return directory


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("datasets") / "eight")


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of all runs: kept features are shared, as in real life."""
    return tmp_path_factory.mktemp("data")


Start = Callable[..., Run]


@pytest.fixture(scope="session")
def start(base: Path, features: Path) -> Start:
    """Starts `jokebot train` with settings as variables."""

    def start(dataset: Path, out: Path, model: Path = base, **settings: Any) -> Run:
        told = {f"JOKEBOT_TRAINING_{name}": str(value) for name, value in {**FAST, **settings}.items()}
        environment = {**os.environ, **told, "OMP_NUM_THREADS": "1", "JOKEBOT_STORAGE_DIRECTORY": str(features)}
        log = out.parent / f"{out.name}.log"
        with log.open("a") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "train", str(dataset), "--base", str(model), "--out", str(out)],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=ROOT,
            )
        return Run(out, process, log)

    return start


@pytest.fixture(scope="session")
def overfitted(start: Start, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A real QLoRA run that has learnt the eight answers by heart."""
    run = start(dataset, tmp_path_factory.mktemp("runs") / "overfitted", BATCH_SIZE=8, EPOCHS=120, LORA_DROPOUT=0)
    assert run.wait() == 0, run.log.read_text()[-3000:]
    return run


@pytest.fixture(scope="session")
def many(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The eight rows four times over, so that a gradient is gathered from two batches."""
    folder = tmp_path_factory.mktemp("datasets") / "many"
    shutil.copytree(dataset, folder)
    rows = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    (folder / "train.json").write_text(json.dumps(rows * 4, ensure_ascii=False), encoding="utf-8")
    return folder


STEPS = {"EPOCHS": 2, "BATCH_SIZE": 2, "ACCUMULATION": 2, "LORA_DROPOUT": 0.05, "CHECKPOINT_STEPS": 10}
"""32 steps on 32 rows, two of them to an update."""


@pytest.fixture(scope="session")
def steps() -> dict[str, Any]:
    return STEPS


@pytest.fixture(scope="session")
def whole(start: Start, many: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = start(many, tmp_path_factory.mktemp("runs") / "whole", **STEPS)
    assert run.wait() == 0, run.log.read_text()[-3000:]
    assert len(run.losses()) == 32
    return run


SHORT_OF_MEMORY = """
import importlib.abc, importlib.util, os, sys

class Short(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "trainer.xtuner.model":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (execute(module), limit(module.JokeModel))
        return spec

def limit(model):
    import torch
    whole = model.loss
    def loss(self, rows, seed):
        if len(rows) > 1 and os.environ.get("RANK") == os.environ["SHORT"]:
            raise torch.OutOfMemoryError("no room")
        return whole(self, rows, seed)
    model.loss = loss

sys.meta_path.insert(0, Short())
"""
"""A sitecustomize.py: the memory of the process SHORT holds one row."""


@pytest.fixture
def short_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the process of that rank run out of memory on batches of more than one row."""

    def limit(rank: int) -> None:
        (tmp_path / "sitecustomize.py").write_text(SHORT_OF_MEMORY)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        monkeypatch.setenv("SHORT", str(rank))

    return limit
