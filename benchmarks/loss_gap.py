# environment: train
"""`make bench-loss_gap`: do our runs learn what XTuner's own do? Losses of the three variants of benchmarks/train.py.

    loss_gap         mean over all steps of |ours − stock| / stock: same photos, prompt, order, seed and first adapter,
        dropout 0
    stock_gap        the same between two runs of XTuner's own, with eager and with fused attention
    gap_limit        0.01, or twice the stock_gap where that is more

One such comparison for each of --rates; the first is the setting's default and gives the result. Three runs go on at a
time, for their losses and not for their speed, and each is ended when its last loss is there. On a GPU the model has
InternVL2-2B's shapes and random weights; the photos are of one tile, so that three runs fit beside each other. After
--limit seconds all end, and the steps that a rate's runs have in common count.
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


def learn(told: argparse.Namespace, folder: Path, rate: float, variant: str, deadline: float) -> list[float]:
    """The losses of one run, as many as there are when it or the time ends.

    Raises RuntimeError where it ends without any.
    """
    place = folder / f"{rate:g}"
    shutil.rmtree(place / variant, ignore_errors=True)
    plan_of(argparse.Namespace(**{**vars(told), "rate": rate}), place, variant).save()
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "train.py"),
        "--variant",
        variant,
        "--folder",
        str(place / variant),
    ]
    log, losses, started = folder / f"{rate:g}-{variant}.log", [], time.monotonic()
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True) as run,
    ):
        try:
            while run.poll() is None and len(losses) < told.steps and time.monotonic() < deadline:
                time.sleep(0.2)
                losses = [line["loss"] for line in read_training_steps(place / variant)]
        finally:
            # Its data loaders too: what it would save now is not asked for.
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
    print(f"{rate:g} {variant}: {len(losses)} steps in {time.monotonic() - started:.0f} s", flush=True)
    if not losses and time.monotonic() < deadline:
        raise RuntimeError(log.read_text()[-3000:])
    return losses


def compare(told: argparse.Namespace, folder: Path) -> dict[float, dict[str, list[float]]]:
    """The losses of all variants over the steps that they have in common, by learning rate."""
    deadline = time.monotonic() + told.limit
    for rate in told.rates:
        (folder / f"{rate:g}").mkdir(exist_ok=True)
        for name in ("data", "base"):
            if not (link := folder / f"{rate:g}" / name).exists():
                link.symlink_to(folder / name)
    with ThreadPoolExecutor(len(VARIANTS)) as pool:
        runs = {
            rate: {variant: pool.submit(learn, told, folder, rate, variant, deadline) for variant in VARIANTS}
            for rate in told.rates
        }
        losses = {rate: {variant: run.result() for variant, run in one.items()} for rate, one in runs.items()}
    common = {rate: min(map(len, one.values())) for rate, one in losses.items()}
    return {
        rate: {variant: values[: common[rate]] for variant, values in one.items()}
        for rate, one in losses.items()
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
    """The losses of all runs in one picture, and below how far each is from stock's, step by step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, figsize=(8, 7), dpi=120, sharex=True, height_ratios=(3, 2))
    styles = {"stock": ("C7", 3.0, "-"), "sdpa": ("C0", 1.2, "-"), "ours": ("C1", 1.2, "--")}
    for number, (rate, one) in enumerate(losses.items()):
        for variant, values in one.items():
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
                apart = [100 * (a - b) / b for a, b in zip(values, one["stock"], strict=True)]
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
    told = arguments()
    folder = (told.folder or Path(tempfile.mkdtemp(prefix="bench-loss-gap-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "data").exists():
        make_photos(folder / "data", told.photos, tuple(told.size))
    if told.base and not (folder / "base").exists():
        (folder / "base").symlink_to(told.base.resolve())
    if not (folder / "base" / "config.json").exists():
        measured(
            [sys.executable, "-m", "bot", "demo-model", "random", "--shape", told.shape, "--out", str(folder / "base")],
            folder / "base.log",
        )
    losses = compare(told, folder)
    if told.save:
        RESULTS.mkdir(exist_ok=True)
        draw(losses, RESULTS / f"loss_gap_{told.save}.png")
    result = {
        **figures(losses[told.rates[0]]),
        "rates": {f"{rate:g}": figures(one) for rate, one in losses.items()},
        "shape": told.shape,
        "batch": told.batch,
        "rank": told.rank,
        "photos": told.photos,
        "size": list(told.size),
        "losses": {f"{rate:g}": one for rate, one in losses.items()},
        "machine": machine(),
    }
    if not told.folder:
        shutil.rmtree(folder)
    finish(result, "loss_gap", told.save)


if __name__ == "__main__":
    main()
