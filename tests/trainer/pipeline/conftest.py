"""A bot's memory with enough to learn, and the pipeline as a process that can be watched, stopped and killed."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from configs.settings import Settings
from storage.learning import models, runs
from storage.learning.run_files import read_training_steps
from storage.learning.runs import Run
from trainer.pipeline.workspace import RunWorkspace

ROOT, BOMBS = Path(__file__).parents[3], Path(__file__).with_name("bombs")
SETTINGS = {
    "RETRAIN_MIN_PAIRS": 2,
    "RETRAIN_MAX_STEP_ATTEMPTS": 20,
    "SELECTION_MAX_ROWS": 8,
    "TRAINING_LORA_RANK": 8,
    "TRAINING_LORA_ALPHA": 16,
    "TRAINING_BATCH_SIZE": 2,
    "TRAINING_EPOCHS": 1,
    "TRAINING_CHECKPOINT_STEPS": 1,
}
"""Eight rows, two a step: four steps, each with a checkpoint."""


@dataclass
class Pipeline:
    """Runs the commands on one memory; `memory` is the one of tests/trainer/conftest.py."""

    memory: Any
    model: Path
    told: dict[str, Any]
    processes: list[subprocess.Popen] = field(default_factory=list)

    @property
    def database(self):
        return self.memory.database

    @property
    def place(self) -> RunWorkspace:
        return RunWorkspace((self.memory.root / "runs" / "1").absolute(), (self.memory.root / "models").absolute())

    def settings(self, **more: Any) -> Settings:
        """What the processes are told, for code that is called here."""
        sections: dict[str, dict[str, Any]] = {
            "storage": {"directory": self.memory.root},
            "model": {"directory": self.model},
        }
        for name, value in {**self.told, **more}.items():
            section, key = name.lower().split("_", 1)
            sections.setdefault(section, {})[key] = value
        return Settings(**sections)

    def start(
        self, *arguments: Any, bomb: str = "", hold: int = 0, gate: str | None = "promote", **more: Any
    ) -> subprocess.Popen:
        """Start `jokebot ARGUMENTS`; `bombs/sitecustomize.py` says what the names before the settings mean."""
        told = {f"JOKEBOT_{name}": str(value) for name, value in {**self.told, **more}.items()}
        environment = {
            **os.environ,
            **told,
            "JOKEBOT_CONFIG": str(self.memory.root / "empty.toml"),
            "OMP_NUM_THREADS": "1",
            "JOKEBOT_STORAGE_DIRECTORY": str(self.memory.root),
            "JOKEBOT_MODEL_DIRECTORY": str(self.model),
            "JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON": sys.executable,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{BOMBS}",
            "BOMB": bomb,
            **({"GATE": gate} if gate else {}),
            **({"HOLD": f"{hold} {self.memory.root / 'go'}"} if hold else {}),
        }
        with (self.memory.root / "pipeline.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=ROOT,
            )
        self.processes.append(process)
        return process

    def go(self) -> None:
        """Let a training that is held go on, and all later ones."""
        (self.memory.root / "go").touch()

    async def end(self, process: subprocess.Popen, seconds: float = 2000) -> int:
        return await asyncio.to_thread(process.wait, seconds)

    async def call(self, *arguments: Any, **how: Any) -> int:
        return await self.end(self.start(*arguments, **how))

    async def until(self, process: subprocess.Popen, true: Callable[[], Any], seconds: float = 2000) -> None:
        """Wait for something that the process brings about."""
        deadline = time.monotonic() + seconds
        while not true():
            assert process.poll() is None and time.monotonic() < deadline, self.log()
            await asyncio.sleep(0.02)

    def log(self) -> str:
        logs = [self.memory.root / "pipeline.log", *sorted(self.place.directory.glob("*.log"))]
        return "\n".join(log.read_text()[-2000:] for log in logs)

    def steps(self) -> list[int]:
        return [int(line["step"]) for line in read_training_steps(self.place.directory)]

    async def run(self) -> Run:
        return await runs.get_run(self.database, 1)

    async def states(self) -> list[str]:
        return [state for state, _ in await runs.list_states(self.database, 1)]

    async def serving(self) -> str:
        return (await models.get_champion(self.database)).name


@pytest.fixture
async def pipeline(memory, model):
    """A memory with ten good jokes of one person each, on photos to train on and some held out, and a queued run."""
    (memory.root / "empty.toml").write_text("")
    for number in range(24):
        await memory.rated("321"[number % 3] * 3, text=f"Joke number {number}")
    await runs.create_run(memory.database, "command")
    made = Pipeline(memory, model, SETTINGS)
    yield made
    for process in made.processes:
        if process.poll() is None:
            process.kill()
            process.wait()
