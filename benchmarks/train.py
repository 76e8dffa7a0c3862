# environment: train
"""`make bench-train`: compares our training with XTuner's, with the same photos, order, seed, prompt and first adapter.

    speedup     XTuner's seconds per step / ours, medians over the second half of a run (our features are cached then)
    loss_gap    mean over all steps of |ours − stock| / stock, LoRA dropout 0
    rss_mb      our process's peak resident memory; gpu_mb: the GPU's

`stock` is XTuner with eager attention, which OpenGVLab's code uses without flash-attn; `sdpa` uses PyTorch's fused
attention. The gap between these two estimates rounding: `gap_limit` is max(0.01, twice that gap). Each variant is a
real run in a child process that ends in XTuner's `main()`. On a GPU the shape is InternVL2-2B's (random weights,
1280×960 photos, 13 tiles); without one the tiny model with one tile and few steps. Parts: --only stock sdpa ours, with
one --folder. benchmarks/loss_gap.py compares only losses, on smaller photos and with several learning rates.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import RESULTS, finish, machine, measured  # noqa: E402
from configs.prompts import load_prompts  # noqa: E402
from configs.settings import TrainingSettings  # noqa: E402
from storage.learning.run_files import read_progress, read_training_steps  # noqa: E402
from trainer.xtuner import worker  # noqa: E402
from trainer.xtuner.plan import TrainingPlan  # noqa: E402

VARIANTS = ("stock", "sdpa", "ours")
GPU = torch.cuda.is_available()
WORDS = [
    "cat",
    "sofa",
    "king",
    "moon",
    "toast",
    "spoon",
    "cloud",
    "train",
    "hat",
    "fish",
    "chair",
    "soup",
    "bridge",
    "penguin",
    "clock",
    "lamp",
]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=("tiny", "2b"), default="2b" if GPU else "tiny")
    parser.add_argument("--photos", type=int, default=64 if GPU else 8)
    parser.add_argument("--steps", type=int, default=100 if GPU else 12)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--rank", type=int, default=128 if GPU else 16)
    parser.add_argument(
        "--only", nargs="+", choices=VARIANTS, default=VARIANTS, help="run these; a result needs all three in --folder"
    )
    parser.add_argument("--folder", type=Path, help="where the files go and stay (default: a temporary folder)")
    parser.add_argument(
        "--save", default="", metavar="MACHINE", help="keep result and plot as benchmarks/results/train_MACHINE.…"
    )
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_photos(folder: Path, count: int, size: tuple[int, int] = (1280, 960)) -> None:
    """Write distinct photos with a short joke each, in the exporter's format. 1280×960 pixels give 13 tiles."""
    (folder / "images").mkdir(parents=True)
    noise, rows, (width, height) = numpy.random.default_rng(0), [], size
    for number in range(count):
        squares = noise.normal(128, 60, (12, 16, 3))[numpy.arange(height) * 12 // height][
            :, numpy.arange(width) * 16 // width
        ]
        pixels = squares + noise.normal(0, 9, squares.shape)
        Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(folder / "images" / f"{number}.jpg", quality=85)
        joke = (
            f"The {WORDS[number % 16]} options the {WORDS[(7 * number + 3) % 16]}: {number} times is enough, even "
            f"for a {WORDS[(5 * number + 1) % 16]}!"
        )
        rows.append(
            {
                "id": f"joke-{number}",
                "image": f"images/{number}.jpg",
                "conversations": [
                    {"from": "human", "value": f"<image>\n{load_prompts().ask('en')}"},
                    {"from": "gpt", "value": joke},
                ],
            }
        )
    (folder / "train.json").write_text(json.dumps(rows), encoding="utf-8")


def plan_of(options: argparse.Namespace, folder: Path, variant: str) -> TrainingPlan:
    """The plan of a run with exactly --steps steps, one update each."""
    epochs = max(1, options.steps * options.batch // options.photos)
    training = TrainingSettings(
        batch_size=options.batch,
        accumulation=1,
        epochs=epochs,
        learning_rate=options.rate,
        lora_rank=options.rank,
        lora_alpha=2 * options.rank,
        lora_dropout=0,
        checkpoint_steps=100_000,
    )
    tiles = json.loads((folder / "base" / "config.json").read_text())["max_dynamic_patch"]
    return TrainingPlan(folder / "data", folder / "base", folder / variant, folder / "features", tiles, training)


def run_variant(variant: str, out: Path) -> int:
    """Run one variant in this process. XTuner's variants differ only in the configuration."""
    plan = TrainingPlan.load(out)
    if variant != "ours":
        prepare = worker.prepare

        def prepare_stock(plan: TrainingPlan) -> Path:
            path = prepare(plan)
            from mmengine.config import Config

            from trainer.xtuner.upstream_baseline import stock_config

            config = stock_config(Config.fromfile(str(path)), plan)
            if variant == "stock":
                config.custom_hooks.append({"type": "trainer.xtuner.upstream_baseline.EagerHook"})
            config.dump(str(path))
            return path

        worker.prepare = prepare_stock
    return worker.run(plan)


def run(options: argparse.Namespace, folder: Path, variant: str) -> None:
    shutil.rmtree(folder / variant, ignore_errors=True)
    if variant == "ours":
        shutil.rmtree(folder / "features", ignore_errors=True)
    plan_of(options, folder, variant).save()
    ran = measured(
        [sys.executable, __file__, "--variant", variant, "--folder", str(folder / variant)], folder / f"{variant}.log"
    )
    progress, steps = read_progress(folder / variant), read_training_steps(folder / variant)
    seconds = [line["s"] for line in steps]
    report = {
        "step_s": round(statistics.median(seconds[len(seconds) // 2 :]), 4),
        "first_epoch_step_s": round(statistics.median(seconds[1 : max(3, options.photos // options.batch)]), 4),
        "startup_s": round(progress["began"] - ran.started, 2),
        "whole_s": ran.seconds,
        "memory_mb": progress["memory_mb"],
        "rss_mb": ran.rss_mb,
        "losses": [line["loss"] for line in steps],
    }
    (folder / f"{variant}.json").write_text(json.dumps(report), encoding="utf-8")
    print(variant, {name: value for name, value in report.items() if name != "losses"}, flush=True)


def gap(first: list[float], second: list[float]) -> float:
    return round(sum(abs(a - b) / b for a, b in zip(first, second, strict=True)) / len(second), 6)


def result_of(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    reports = {variant: json.loads((folder / f"{variant}.json").read_text(encoding="utf-8")) for variant in VARIANTS}
    losses = {variant: report.pop("losses") for variant, report in reports.items()}
    noise = gap(losses["sdpa"], losses["stock"])
    if options.save:
        from trainer.xtuner.export import plot

        RESULTS.mkdir(exist_ok=True)
        plot(
            {variant: list(enumerate(values, 1)) for variant, values in losses.items()},
            RESULTS / f"train_{options.save}.png",
        )
    return {
        "speedup": round(reports["stock"]["step_s"] / reports["ours"]["step_s"], 2),
        "loss_gap": gap(losses["ours"], losses["stock"]),
        "rss_mb": reports["ours"]["rss_mb"],
        "gpu_mb": reports["ours"]["memory_mb"] if GPU else 0,
        "speedup_to_sdpa": round(reports["sdpa"]["step_s"] / reports["ours"]["step_s"], 2),
        "loss_gap_to_sdpa": gap(losses["ours"], losses["sdpa"]),
        "stock_gap": noise,
        "gap_limit": max(0.01, 2 * noise),
        "photos_per_s": round(options.batch / reports["ours"]["step_s"], 2),
        "shape": options.shape,
        "batch": options.batch,
        "rank": options.rank,
        "photos": options.photos,
        "steps": len(losses["ours"]),
        **reports,
        "losses": losses,
        "machine": machine(),
    }


def main() -> int:
    options = arguments()
    if options.variant:
        return run_variant(options.variant, options.folder)
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="bench-train-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "data").exists():
        make_photos(folder / "data", options.photos)
    if not (folder / "base" / "config.json").exists():
        measured(
            [
                sys.executable,
                "-m",
                "bot",
                "demo-model",
                "random",
                "--shape",
                options.shape,
                "--out",
                str(folder / "base"),
            ],
            folder / "base.log",
        )
    for variant in options.only:
        run(options, folder, variant)
    if all((folder / f"{variant}.json").exists() for variant in VARIANTS):
        finish(result_of(options, folder), "train", options.save)
    if not options.folder:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
