"""Writes a finished training's adapter, its records, and a plot of the loss."""

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from configs.prompts import PROMPTS_FILE
from storage.learning.run_files import read_training_steps
from trainer.merge.adapter import ABOUT, PROMPTS, WEIGHTS
from trainer.xtuner.plan import TrainingPlan
from trainer.xtuner.rows import origin

PLOT = "loss.png"
SMOOTHING_STEPS = 20
"""Number of steps of the plot's running mean."""


def export(plan: TrainingPlan, state: dict[str, Any], measures: dict[str, Any]) -> None:
    """Write adapter.safetensors, adapter.json and prompts.toml.

    `state` is the model's state_dict, which holds only trained parameters.
    """
    part = plan.out / f"{WEIGHTS}.part"
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, str(part))
    training = plan.training
    # On another host these directories are not the plan's own.
    original = TrainingPlan.load(plan.out)
    about = {
        "format": 1,
        "run": plan.out.name,
        "base": {"directory": str(original.base)},
        "template": plan.template,
        "dataset": {**origin(plan.dataset), "directory": str(original.dataset)},
        "lora_rank": training.lora_rank,
        "lora_alpha": training.lora_alpha,
        "training": training.stored(),
        "max_tiles": plan.max_tiles,
        "measures": measures,
    }
    shutil.copyfile(PROMPTS_FILE, plan.out / PROMPTS)
    (plan.out / ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    # Last, so that an adapter exists only together with its other files.
    part.replace(plan.out / WEIGHTS)


def plot(curves: dict[str, list[tuple[int, float]]], path: Path) -> None:
    """Plot losses over steps as a PNG; a curve has (step, loss) pairs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), dpi=120)
    for number, (name, losses) in enumerate(curves.items()):
        steps, values = [step for step, _ in losses], [loss for _, loss in losses]
        means = [
            sum(values[max(0, step - SMOOTHING_STEPS + 1) : step + 1]) / min(SMOOTHING_STEPS, step + 1)
            for step in range(len(values))
        ]
        axes.plot(steps, values, color=f"C{number}", alpha=0.3, linewidth=0.8)
        axes.plot(steps, means, color=f"C{number}", label=name)
    axes.set(xlabel="step", ylabel="loss", ylim=(0, None))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def plot_run(out: Path) -> None:
    """Plot the losses logged so far to OUT/loss.png."""
    losses = [(line["step"], line["loss"]) for line in read_training_steps(out)]
    plot({out.name: losses}, out / PLOT)
