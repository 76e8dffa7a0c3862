# environment: train
"""`make bench-deepspeed_steps`: a run with XTuner's deepspeed_zero1 against the same run under plain torchrun.

Both are real runs of the product's training with the same photos, order, seed and first adapter, LoRA dropout 0.05; on
a GPU at InternVL2-2B's shapes (random weights, 13 tiles), else the tiny model. Plain torchrun trains the projector in
bf16, DeepSpeed in float32 (docs/training.md). The last output line is one JSON object:

    loss_gap       mean over all steps of |DeepSpeed − plain| / plain
    step_s         of each, median seconds over the second half of the steps, and memory_mb, startup_s
    checkpoint_mb  of each, one checkpoint with the optimizer's state
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import train
from benchmarks.machine import finish, machine, measured
from storage.learning.run_files import read_progress, read_training_steps

KINDS = {"plain": "", "deepspeed": "deepspeed_zero1"}


def run(options: argparse.Namespace, folder: Path, kind: str) -> dict[str, Any]:
    """Run one kind under torchrun on one process; its figures and losses."""
    out = folder / kind
    shutil.rmtree(out, ignore_errors=True)
    plan = train.plan_of(options, folder, kind)
    plan = replace(plan, training=plan.training.model_copy(update={"lora_dropout": 0.05, "deepspeed": KINDS[kind]}))
    plan.save()
    code = f"from trainer.xtuner.torchrun import *; sys.exit(under_torchrun(TrainingPlan.load(Path({str(out)!r}))))"
    ran = measured([sys.executable, "-c", code], folder / f"{kind}.log")
    progress, steps = read_progress(out), read_training_steps(out)
    seconds = [line["s"] for line in steps]
    files = sorted((out / "xtuner").glob("iter_*.pth"))[-1]
    parts = files.rglob("*") if files.is_dir() else [files]
    return {
        "step_s": round(statistics.median(seconds[len(seconds) // 2 :]), 4),
        "quickest_s": min(seconds),
        "startup_s": round(progress["began"] - ran.started, 1),
        "memory_mb": progress["memory_mb"],
        "checkpoint_mb": round(sum(file.stat().st_size for file in parts) / 1e6, 1),
        "losses": [line["loss"] for line in steps],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help="a checkpoint directory (default: a random one)")
    parser.add_argument("--folder", type=Path, help="where the files go and stay (default: a temporary folder)")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--batch", type=int, default=4 if train.GPU else 2)
    parser.add_argument("--rank", type=int, default=128 if train.GPU else 16)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep the result in benchmarks/results/")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        train.make_photos(folder / "data", options.photos)
        if options.model:
            (folder / "base").symlink_to(options.model.absolute())
        else:
            random = [sys.executable, "-m", "bot", "demo-model", "random", "--shape", "tiny", "--out"]
            measured([*random, str(folder / "base")], folder / "base.log")
        reports = {kind: run(options, folder, kind) for kind in KINDS}
    losses = {kind: report["losses"] for kind, report in reports.items()}
    result = {
        "loss_gap": train.gap(losses["deepspeed"], losses["plain"]),
        **reports,
        "steps": options.steps,
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
    }
    finish(result, "deepspeed", options.save)
    return 0


if __name__ == "__main__":
    sys.exit(main())
