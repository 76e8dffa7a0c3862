"""Starts a training: in this process for one GPU, under torchrun for several.

`python -m trainer.xtuner.entry OUT` runs, or resumes, the training of an existing OUT/plan.json.
"""

import os
import sys
from pathlib import Path

from configs.gpu import GpuSelection
from configs.settings import Settings
from storage.checkpoint.check import Checkpoint, check_checkpoint
from storage.checkpoint.location import CheckpointError
from storage.learning.run_files import read_progress
from storage.media.photos import features_folder
from trainer.xtuner import worker
from trainer.xtuner.plan import TrainingError, TrainingPlan
from trainer.xtuner.torchrun import under_torchrun


def train(dataset: Path, base: Path, out: Path, settings: Settings) -> int:
    """Run, or resume, a training; returns its exit code. Raises TrainingError if it can't start."""
    plan = plan_for(dataset, check_base(base), out, settings)
    plan.save()
    return resume(plan)


def plan_for(dataset: Path, base: Checkpoint, out: Path, settings: Settings) -> TrainingPlan:
    """The plan of a training with these settings on a base, in its chat template."""
    return TrainingPlan(
        dataset.resolve(),
        base.directory,
        out.resolve(),
        features_folder(settings.storage.photos).resolve(),
        min(base.max_tiles, settings.engine.max_tiles),
        settings.training,
        base.template,
    )


def resume(plan: TrainingPlan) -> int:
    """Run, or resume, a training whose plan is written; returns its exit code."""
    if read_progress(plan.out).get("state") == "done":
        print(f"{plan.out} holds this run already, done.")
        return worker.DONE
    if gpu_ids := plan.training.gpu_ids:
        # CUDA reads this at its first use, which is later.
        os.environ.update(GpuSelection.of(gpu_ids).variables())
    return worker.run(plan) if plan.training.gpu_count == 1 else under_torchrun(plan)


def check_base(base: Path) -> Checkpoint:
    """A base model that can be trained. Raises TrainingError if it can't."""
    try:
        return check_checkpoint(base.resolve(), for_training=True)
    except CheckpointError as error:
        raise TrainingError("model", str(error)) from error


if __name__ == "__main__":
    sys.exit(resume(TrainingPlan.load(Path(sys.argv[1]))))
