"""Estimates the duration of the first training from measurements on other machines.

Later durations are estimated from earlier runs (`storage/learning/runs.py`). The time of a row depends on the model's
size and the picture's tiles, so each figure is scaled by both, and a CPU's figure also by its cores.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from configs.gpu import card_name
from configs.settings import Settings
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.location import CheckpointError


@dataclass(frozen=True)
class TrainingSpeed:
    """A measured training speed.

    `start_s` is the time until the first step, `first_s` and `later_s` the seconds a row in the first epoch and in
    later ones, which use cached features. Measured with a model of `nbytes` and pictures of `tiles`, on `cores` (0: a
    GPU).
    """

    start_s: float
    first_s: float
    later_s: float
    nbytes: float
    tiles: int
    cores: int = 0


H100 = TrainingSpeed(27.9, 0.7551 / 4, 0.3426 / 4, 4.4e9, 13)
"""benchmarks/results/train_h100.json, `ours`: steps of 4 rows at InternVL2-2B's shape."""
CPU = TrainingSpeed(11.2, 0.125, 0.125, 14.9e6, 1, cores=2)
"""benchmarks/results/flywheel_deadpan.json of 2026-11-24.

131, 246 and 859 rows of the demo model in 29.8, 37.9 and 126.1 s, least squares of the relative errors.
"""
H100_CLASS = ("H100", "H200")


@dataclass(frozen=True)
class DurationEstimate:
    """Seconds of training.

    `basis` says where they were measured: h100 (the same GPU class), gpu (an H100, while this is another GPU), cpu
    (another CPU).
    """

    seconds: float
    basis: str


def estimate_duration(rows: int, base: Path, settings: Settings) -> DurationEstimate | None:
    """Estimate the training time for so many rows from the model in `base`; None if that model can't be trained."""
    try:
        checkpoint = check_checkpoint(base, for_training=True)
    except CheckpointError:
        return None
    tiles, nbytes = min(checkpoint.max_tiles, settings.engine.max_tiles), checkpoint.weight_bytes
    name, training = card_name(), settings.training
    pace = H100 if name else CPU
    size = nbytes / pace.nbytes * tiles / pace.tiles * (pace.cores / (os.cpu_count() or 1) if pace.cores else 1.0)
    epochs = pace.first_s + pace.later_s * (training.epochs - 1)
    basis = "cpu" if not name else "h100" if any(known in name for known in H100_CLASS) else "gpu"
    return DurationEstimate(round(pace.start_s + rows * epochs * size / training.gpu_count, 1), basis)
