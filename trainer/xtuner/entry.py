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
from storage.learning.run_files import log_file, read_progress
from storage.media.photos import features_folder
from trainer.xtuner import worker
from trainer.xtuner.console import quiet_training
from trainer.xtuner.plan import TrainingError, TrainingPlan
from trainer.xtuner.rows import TrainingRow, read_rows
from trainer.xtuner.torchrun import under_torchrun


def train(dataset: Path, base: Path, out: Path, settings: Settings) -> int:
    """Run, or resume, a training in a terminal; returns its exit code.

    Raises TrainingError if it can't start. Its plan is written after the input was checked, so that a corrected call
    with the same OUT is a new one.
    """
    plan = plan_for(dataset, check_base(base), out, settings)
    plan.check_out()
    if is_done(plan):
        return resume(plan)
    worker.check_deepspeed(plan.training.deepspeed)
    rows = read_rows(plan.dataset, plan.max_tiles, plan.training.row_weights)
    plan.write()
    print(f"{len(rows):,} rows of {plan.dataset.name[:12]}, base {plan.base.name}.", flush=True)
    with quiet_training(plan.out):
        code = resume(plan, rows)
    if code:
        ended = read_progress(plan.out)
        where = f" See {log_file(plan.out, 'train')}." if ended.get("reason") == "crash" else ""
        print(f"jokebot: {ended.get('message', 'The training failed.')}{where}", file=sys.stderr)
    return code


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


def is_done(plan: TrainingPlan) -> bool:
    return read_progress(plan.out).get("state") == "done"


def resume(plan: TrainingPlan, rows: list[TrainingRow] | None = None) -> int:
    """Run, or resume, a training whose plan is written; returns its exit code. `rows` are those of its dataset."""
    if is_done(plan):
        print(f"{plan.out} holds this run already, done.")
        return worker.DONE
    if gpu_ids := plan.training.gpu_ids:
        # CUDA reads this at its first use, which is later.
        os.environ.update(GpuSelection.of(gpu_ids).variables())
    return worker.run(plan, rows) if plan.training.gpu_count == 1 else under_torchrun(plan)


def check_base(base: Path) -> Checkpoint:
    """A base model that can be trained. Raises TrainingError if it can't."""
    try:
        return check_checkpoint(base.resolve(), for_training=True)
    except CheckpointError as error:
        raise TrainingError("model", str(error)) from error


if __name__ == "__main__":
    sys.exit(resume(TrainingPlan.load(Path(sys.argv[1]))))
