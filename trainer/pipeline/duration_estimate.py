"""Estimates the first training's duration from measurements on other machines; later ones are estimated from own runs
(`storage/learning/runs.py`).

A row costs time by the model's size and the picture's tiles, so each figure is scaled by both; a CPU's also by its
cores.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from configs.gpu import card_name
from configs.settings import Settings
from trainer.merge.base_model import BaseCheckpoint
from trainer.merge.checkpoint_io import MergeError
from trainer.xtuner.entry import check_base
from trainer.xtuner.plan import TrainingError


@dataclass(frozen=True)
class TrainingSpeed:
    """Seconds until the first step; seconds a row in the first epoch and in later ones, whose pictures' features are
    kept; measured with a model of so many bytes and pictures of so many tiles, on so many cores (0: a GPU)."""

    start_s: float
    first_s: float
    later_s: float
    nbytes: float
    tiles: int
    cores: int = 0


H100 = TrainingSpeed(27.9, 0.7551 / 4, 0.3426 / 4, 4.4e9, 13)
"""benchmarks/results/train_h100.json, `ours`: steps of 4 rows at InternVL2-2B's shape."""
CPU = TrainingSpeed(11.2, 0.125, 0.125, 14.9e6, 1, cores=2)
"""benchmarks/results/flywheel_deadpan.json of 2026-11-24: 131, 246 and 859 rows of the demo model in 29.8, 37.9 and
126.1 s, least squares of the relative errors."""
H100_CLASS = ("H100", "H200")


@dataclass(frozen=True)
class DurationEstimate:
    """Seconds of training; `basis` is what they were measured on: h100 (this card is one), gpu (an H100, and this is
    another card), cpu (a CPU, as here)."""

    seconds: float
    basis: str


def estimate_duration(rows: int, base: Path, settings: Settings) -> DurationEstimate | None:
    """How long it takes to train on so many rows from the model in `base`; None where that model can't be trained."""
    try:
        tiles, nbytes = min(check_base(base), settings.engine.max_tiles), BaseCheckpoint.open(base).nbytes
    except (TrainingError, MergeError, OSError):
        return None
    name, training = card_name(), settings.training
    pace = H100 if name else CPU
    size = nbytes / pace.nbytes * tiles / pace.tiles * (pace.cores / (os.cpu_count() or 1) if pace.cores else 1.0)
    epochs = pace.first_s + pace.later_s * (training.epochs - 1)
    basis = "cpu" if not name else "h100" if any(known in name for known in H100_CLASS) else "gpu"
    return DurationEstimate(round(pace.start_s + rows * epochs * size / training.gpus, 1), basis)
