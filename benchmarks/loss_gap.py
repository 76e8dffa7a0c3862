# environment: train
"""`make bench-loss_gap`: compares the losses of our training and XTuner's, with the variants of benchmarks/train.py.

    loss_gap         mean over all steps of |ours − stock| / stock: same photos, prompt, order, seed and initial
                     adapter, dropout 0
    stock_gap        the same between two runs of XTuner, with eager and with fused attention
    gap_limit        max(0.01, 2 × stock_gap)

One comparison for each of --rates; the first is the setting's default and gives the result. Three runs train at a time
and are stopped after their last loss, because speed is not measured. On a GPU the model has InternVL2-2B's shapes and
random weights; photos have one tile, so that three runs fit. After --limit seconds all runs stop, and the steps that
all runs of a rate have are compared.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import RESULTS, finish, machine, measured  # noqa: E402
from benchmarks.train import GPU, VARIANTS, gap, make_photos, plan_of  # noqa: E402
from configs.settings import TrainingSettings  # noqa: E402
from storage.learning.run_files import read_training_steps  # noqa: E402


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=("tiny", "2b"), default="2b" if GPU else "tiny")
    parser.add_argument("--photos", type=int, default=80 if GPU else 8)
    parser.add_argument("--steps", type=int, default=100 if GPU else 12)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rank", type=int, default=128 if GPU else 16)
    parser.add_argument("--rates", type=float, nargs="+", default=[TrainingSettings().learning_rate, 1e-4])
    parser.add_argument(
        "--size", type=int, nargs=2, default=(448, 448), metavar=("WIDTH", "HEIGHT"), help="the photos'"
    )
    parser.add_argument("--limit", type=float, default=3600, metavar="SECONDS", help="when to end all runs")
    parser.add_argument("--base", type=Path, help="a base model that is there already")
    parser.add_argument("--folder", type=Path, help="where the files go and stay (default: a temporary folder)")
    parser.add_argument(
        "--save", default="", metavar="MACHINE", help="keep result and plot as benchmarks/results/loss_gap_MACHINE.…"
    )
    return parser.parse_args()


def learn(options: argparse.Namespace, folder: Path, rate: float, variant: str, deadline: float) -> list[float]:
    """The losses of one run until it ends or the time is over. Raises RuntimeError if there are none."""
    run_folder = folder / f"{rate:g}"
    shutil.rmtree(run_folder / variant, ignore_errors=True)
    plan_of(argparse.Namespace(**{**vars(options), "rate": rate}), run_folder, variant).save()
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "train.py"),
        "--variant",
        variant,
        "--folder",
        str(run_folder / variant),
    ]
    log, losses, started = folder / f"{rate:g}-{variant}.log", [], time.monotonic()
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True) as run,
    ):
        try:
            while run.poll() is None and len(losses) < options.steps and time.monotonic() < deadline:
                time.sleep(0.2)
                losses = [line["loss"] for line in read_training_steps(run_folder / variant)]
        finally:
            # Kills its data loaders too; its checkpoint is not needed.
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
    print(f"{rate:g} {variant}: {len(losses)} steps in {time.monotonic() - started:.0f} s", flush=True)
    if not losses and time.monotonic() < deadline:
        raise RuntimeError(log.read_text()[-3000:])
    return losses


def compare(options: argparse.Namespace, folder: Path) -> dict[float, dict[str, list[float]]]:
    """Losses by learning rate and variant, over the steps that a rate's variants have in common."""
    deadline = time.monotonic() + options.limit
    for rate in options.rates:
        (folder / f"{rate:g}").mkdir(exist_ok=True)
        for name in ("data", "base"):
            if not (link := folder / f"{rate:g}" / name).exists():
                link.symlink_to(folder / name)
    with ThreadPoolExecutor(len(VARIANTS)) as pool:
        runs = {
            rate: {variant: pool.submit(learn, options, folder, rate, variant, deadline) for variant in VARIANTS}
            for rate in options.rates
        }
        losses = {rate: {variant: run.result() for variant, run in variants.items()} for rate, variants in runs.items()}
    common = {rate: min(map(len, curves.values())) for rate, curves in losses.items()}
    return {
        rate: {variant: values[: common[rate]] for variant, values in curves.items()}
        for rate, curves in losses.items()
        if common[rate]
    }


def figures(losses: dict[str, list[float]]) -> dict[str, Any]:
    noise = gap(losses["sdpa"], losses["stock"])
    return {
        "loss_gap": gap(losses["ours"], losses["stock"]),
        "loss_gap_to_sdpa": gap(losses["ours"], losses["sdpa"]),
        "stock_gap": noise,
        "gap_limit": max(0.01, 2 * noise),
        "steps": len(losses["ours"]),
    }


def draw(losses: dict[float, dict[str, list[float]]], path: Path) -> None:
    """Plot the losses of all runs and, below, each one's relative difference to stock."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, figsize=(8, 7), dpi=120, sharex=True, height_ratios=(3, 2))
    styles = {"stock": ("C7", 3.0, "-"), "sdpa": ("C0", 1.2, "-"), "ours": ("C1", 1.2, "--")}
    for number, (rate, curves) in enumerate(losses.items()):
        for variant, values in curves.items():
            colour, width, line = styles[variant]
            steps, shade = range(1, len(values) + 1), (1.0, 0.5)[number % 2]
            above.plot(
                steps,
                values,
                color=colour,
                linewidth=width,
                linestyle=line,
                alpha=shade,
                label=f"{variant}, rate {rate:g}",
            )
            if variant != "stock":
                apart = [100 * (a - b) / b for a, b in zip(values, curves["stock"], strict=True)]
                below.plot(
                    steps,
                    apart,
                    color=colour,
                    linewidth=width,
                    linestyle=line,
                    alpha=shade,
                    label=f"{variant}, rate {rate:g}",
                )
    above.set(ylabel="loss", ylim=(0, None))
    below.set(xlabel="step", ylabel="from stock, %")
    for axes in (above, below):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def main() -> None:
    options = arguments()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="bench-loss-gap-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "data").exists():
        make_photos(folder / "data", options.photos, tuple(options.size))
    if options.base and not (folder / "base").exists():
        (folder / "base").symlink_to(options.base.resolve())
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
    losses = compare(options, folder)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        draw(losses, RESULTS / f"loss_gap_{options.save}.png")
    result = {
        **figures(losses[options.rates[0]]),
        "rates": {f"{rate:g}": figures(curves) for rate, curves in losses.items()},
        "shape": options.shape,
        "batch": options.batch,
        "rank": options.rank,
        "photos": options.photos,
        "size": list(options.size),
        "losses": {f"{rate:g}": curves for rate, curves in losses.items()},
        "machine": machine(),
    }
    if not options.folder:
        shutil.rmtree(folder)
    finish(result, "loss_gap", options.save)


if __name__ == "__main__":
    main()
