# environment: train
"""Training steps on 1, 2, 4 … GPUs through torchrun, the same batch on each; `benchmarks/scale.py` starts this.

The last output line is one JSON object: `train_speedup_N`, rows per second on N GPUs / on one, and for each N seconds
per step: `step_s`, the median of the second half of a run, whose image features are cached, and `first_steps_s`.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.train import make_photos  # noqa: E402
from configs.settings import TrainingSettings  # noqa: E402
from storage.learning.run_files import read_progress, read_training_steps  # noqa: E402
from trainer.xtuner.plan import TrainingPlan  # noqa: E402


def plan_of(options: argparse.Namespace, gpus: int) -> TrainingPlan:
    """A run of --steps steps, one update each."""
    training = TrainingSettings(
        gpus=gpus,
        batch_size=options.batch,
        accumulation=1,
        epochs=max(1, options.steps * options.batch * gpus // options.photos),
        lora_rank=options.rank,
        lora_alpha=2 * options.rank,
        checkpoint_steps=100_000,
    )
    tiles = json.loads((options.model / "config.json").read_text(encoding="utf-8"))["max_dynamic_patch"]
    folder = options.folder
    out = folder / f"gpus-{gpus}"
    return TrainingPlan(folder / "data", options.model, out, folder / "features", tiles, training)


def run(options: argparse.Namespace, gpus: int) -> dict[str, Any]:
    """Train once. Raises CalledProcessError if that fails, after the end of its log."""
    plan = plan_of(options, gpus)
    shutil.rmtree(plan.out, ignore_errors=True)
    plan.save()
    started, log = time.time(), options.folder / f"gpus-{gpus}.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "trainer.xtuner.entry", str(plan.out)]
        code = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT).returncode
    if code:
        print(log.read_text(encoding="utf-8", errors="replace")[-3000:], flush=True)
        raise subprocess.CalledProcessError(code, command)
    progress, seconds = read_progress(plan.out), [line["s"] for line in read_training_steps(plan.out)]
    epoch = max(1, options.photos // (options.batch * gpus))
    return {
        "step_s": round(statistics.median(seconds[len(seconds) // 2 :]), 4),
        "first_steps_s": round(statistics.median(seconds[1 : 1 + epoch]), 4),
        "steps": len(seconds),
        "rows_per_s": round(options.batch * gpus / statistics.median(seconds[len(seconds) // 2 :]), 3),
        "startup_s": round(progress["began"] - started, 1),
        "memory_mb": progress["memory_mb"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gpus", type=int, nargs="+", required=True, metavar="N")
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint directory")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=32)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--batch", type=int, default=4, help="rows of one step on one GPU")
    parser.add_argument("--rank", type=int, default=128)
    options = parser.parse_args()
    options.folder, options.model = options.folder.resolve(), options.model.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not (options.folder / "data").exists():
        make_photos(options.folder / "data", options.photos)
    runs = {}
    for gpus in options.gpus:
        runs[str(gpus)] = run(options, gpus)
        print(f"{gpus} GPUs: {runs[str(gpus)]}", flush=True)
    alone = runs.get("1", {}).get("rows_per_s")
    speedups = {f"train_speedup_{gpus}": round(part["rows_per_s"] / alone, 2) for gpus, part in runs.items() if alone}
    print(json.dumps(speedups | {"batch": options.batch, "rank": options.rank, "runs": runs}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
