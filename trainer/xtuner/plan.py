"""The plan of a training, OUT/plan.json, which every process of the training reads."""

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from configs.chat_templates import DEFAULT_TEMPLATE, OLD_TEMPLATE
from configs.errors import JokebotError
from configs.settings import TrainingSettings
from storage.learning.run_files import PLAN, replace_file

PARTS = "parts"


class TrainingError(JokebotError):
    """The training can't continue. `reason` is one of REASONS, for programs; the message is for users."""

    REASONS = ("data", "empty", "memory", "disk", "nan", "model", "deepspeed", "crash")

    def __init__(self, reason: str, message: str) -> None:
        assert reason in self.REASONS
        super().__init__(message, code=f"training-{reason}", what=message)
        self.reason = reason


class TrainingStopped(Exception):
    """SIGTERM or Ctrl-C stopped the training after a checkpoint. `step` is the last completed step."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped after step {step}")
        self.step = step


@dataclass(frozen=True)
class TrainingPlan:
    """A training's plan: the absolute directories of dataset, base model and output, and the training settings.

    `features` is the folder of cached picture features. `max_tiles` limits the tiles of a photo, as in serving.
    `template` is the name of the base's chat template.
    """

    dataset: Path
    base: Path
    out: Path
    features: Path
    max_tiles: int
    training: TrainingSettings
    template: str = DEFAULT_TEMPLATE

    @property
    def work(self) -> Path:
        """XTuner's own folder: its configuration, logs and checkpoints."""
        return self.out / "xtuner"

    @property
    def out_of_memory(self) -> Path:
        """The file that a process under torchrun creates when its memory runs out."""
        return self.work / "out_of_memory"

    def parts(self) -> int:
        """The number of parts of each batch: 1, or the number set after memory ran out."""
        file = self.work / PARTS
        return int(file.read_text()) if file.exists() else 1

    def set_parts(self, parts: int) -> None:
        (self.work / PARTS).write_text(f"{parts}\n")

    def text(self) -> str:
        data = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
        return json.dumps({**data, "training": self.training.stored()}, ensure_ascii=False, indent=2) + "\n"

    def save(self) -> None:
        """Write OUT/plan.json, unless it is there already. Raises TrainingError as `check_out` does."""
        self.check_out()
        self.write()

    def check_out(self) -> None:
        """Raise TrainingError unless OUT is free or holds a training with this plan, which is then resumed."""
        file = self.out / PLAN
        if file.exists() and not self._is_stored():
            raise TrainingError(
                "data", f"{self.out} holds a run with another plan. Choose another --out, or remove it first."
            )
        if not file.exists() and self.out.is_dir() and any(self.out.iterdir()):
            raise TrainingError("data", f"{self.out} is in use. Choose another --out, or remove it first.")

    def _is_stored(self) -> bool:
        """Whether OUT/plan.json is this plan. What a version did not know has the value that `load` gives it.

        A run may continue on other GPUs, but on as many.
        """
        try:
            stored = self.load(self.out)
        except (KeyError, TypeError, ValueError):
            return False
        own, there = self.training, stored.training
        if own.gpu_count == there.gpu_count:
            there = there.model_copy(update={"gpus": own.gpus, "gpu_ids": own.gpu_ids})
        return replace(stored, training=there) == self

    def write(self) -> None:
        """Write OUT/plan.json atomically."""
        self.work.mkdir(parents=True, exist_ok=True)
        replace_file(self.out / PLAN, self.text())

    @classmethod
    def load(cls, out: Path) -> "TrainingPlan":
        data: dict[str, Any] = json.loads((out / PLAN).read_text(encoding="utf-8"))
        paths = {name: Path(data[name]) for name in ("dataset", "base", "out", "features")}
        training = TrainingSettings(**TrainingSettings.field_values(data["training"]))
        # Plans of earlier versions name no template: there was only one.
        template = data.get("template", OLD_TEMPLATE)
        return cls(**paths, max_tiles=data["max_tiles"], training=training, template=template)


@dataclass(frozen=True)
class StepSchedule:
    """A training's steps. A step is one batch on each GPU; an update takes `accumulation` steps."""

    batch: int
    accumulation: int
    steps: int
    warmup: int
    checkpoint_every: int


MIN_UPDATES_PER_EPOCH = 8
"""Minimum number of updates an epoch; small datasets get a smaller accumulation."""

MIN_WARMUP_STEPS = 2
"""Minimum for mmengine's LinearLR, which reaches the full rate one step before its end."""


def schedule(rows: int, processes: int, training: TrainingSettings) -> StepSchedule:
    """The steps for so many rows on so many GPUs.

    Small datasets get a smaller batch and accumulation than the settings. All counts are multiples of `accumulation`,
    so that no gradient is lost at a checkpoint or at the end.
    """
    batch = min(training.batch_size, max(1, rows // processes))
    per_epoch = math.ceil(rows / (batch * processes))
    accumulation = min(training.accumulation, max(1, per_epoch // MIN_UPDATES_PER_EPOCH))

    def windows(steps: float) -> int:
        return max(1, math.ceil(steps / accumulation)) * accumulation

    steps = windows(per_epoch * training.epochs)
    warmup = (
        max(MIN_WARMUP_STEPS, round(training.warmup * steps)) if training.warmup and steps > 2 * MIN_WARMUP_STEPS else 0
    )
    return StepSchedule(batch, accumulation, steps, warmup, windows(training.checkpoint_steps))
