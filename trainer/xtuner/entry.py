"""Starts a training: in this process for one GPU, under torchrun for several and with DeepSpeed.

`python -m trainer.xtuner.entry OUT` runs, or resumes, the training of an existing OUT/plan.json; `parse_plan` has the
options for another host. With OUT/check.json it only writes there what this host has (`jokebot doctor --launcher`).
"""

import json
import os
import sys
from pathlib import Path

from configs import __version__
from configs.gpu import GpuSelection
from configs.settings import Settings
from storage.checkpoint.check import Checkpoint, check_checkpoint
from storage.checkpoint.location import CheckpointError
from storage.learning.run_files import LAUNCHER_CHECK, log_file, read_progress, replace_file
from storage.media.photos import features_folder
from trainer.xtuner import worker
from trainer.xtuner.console import quiet_training
from trainer.xtuner.deepspeed import check_deepspeed
from trainer.xtuner.plan import TrainingError, TrainingPlan, parse_plan
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
    if plan.training.deepspeed:
        check_deepspeed(plan.training.deepspeed)
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
    """The plan of a training with these settings on a base, in its chat template.

    The launcher is left out: it may change while a run exists, and its command may name hosts.
    """
    return TrainingPlan(
        dataset.resolve(),
        base.directory,
        out.resolve(),
        features_folder(settings.storage.photos).resolve(),
        min(base.max_tiles, settings.engine.max_tiles),
        settings.training.model_copy(update={"launcher": ""}),
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
    alone = plan.training.gpu_count == 1 and not plan.training.deepspeed
    return worker.run(plan, rows) if alone else under_torchrun(plan)


def check_base(base: Path) -> Checkpoint:
    """A base model that can be trained. Raises TrainingError if it can't."""
    try:
        return check_checkpoint(base.resolve(), for_training=True)
    except CheckpointError as error:
        raise TrainingError("model", str(error)) from error


def answer_check(file: Path) -> int:
    """Write into check.json which versions and GPUs a training would use on this host; returns an exit code."""
    import bitsandbytes
    import torch
    import xtuner

    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    modules = {"torch": torch, "bitsandbytes": bitsandbytes, "xtuner": xtuner}
    versions = {name: module.__version__ for name, module in modules.items()}
    replace_file(file, json.dumps({"jokebot": __version__, "gpus": gpus, "cpus": os.cpu_count(), **versions}))
    return worker.DONE


def main(arguments: list[str]) -> int:
    """Train, or answer a check, as the arguments say; returns the exit code."""
    check = Path(arguments[0]) / LAUNCHER_CHECK
    return answer_check(check) if check.exists() else resume(parse_plan(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
