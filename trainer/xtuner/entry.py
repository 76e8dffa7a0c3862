"""Starts a training: in this process for one GPU, under torchrun for several.

`python -m trainer.xtuner.entry OUT` runs, or resumes, the training of an existing OUT/plan.json.
"""

import json
import sys
from pathlib import Path

from configs.settings import Settings
from storage.learning.run_files import read_progress
from storage.media.photos import features_folder
from trainer.xtuner import worker
from trainer.xtuner.plan import TrainingError, TrainingPlan
from trainer.xtuner.torchrun import under_torchrun

KINDS = ["InternVLChatModel", "InternLM2ForCausalLM"]


def train(dataset: Path, base: Path, out: Path, settings: Settings) -> int:
    """Run, or resume, a training; returns its exit code. Raises TrainingError if it can't start."""
    base = base.resolve()
    max_tiles = check_base(base)
    plan = plan_for(dataset, base, out, settings, max_tiles)
    plan.save()
    return resume(plan)


def plan_for(dataset: Path, base: Path, out: Path, settings: Settings, max_tiles: int) -> TrainingPlan:
    """The plan of a training with these settings on a base with at most `max_tiles` tiles."""
    return TrainingPlan(
        dataset.resolve(),
        base,
        out.resolve(),
        features_folder(settings.storage.photos).resolve(),
        min(max_tiles, settings.engine.max_tiles),
        settings.training,
    )


def resume(plan: TrainingPlan) -> int:
    """Run, or resume, a training whose plan is written; returns its exit code."""
    if read_progress(plan.out).get("state") == "done":
        print(f"{plan.out} holds this run already, done.")
        return worker.DONE
    return worker.run(plan) if plan.training.gpus == 1 else under_torchrun(plan)


def check_base(base: Path) -> int:
    """The maximum number of tiles of a base model. Raises TrainingError if the model can't be trained."""
    try:
        config = json.loads((base / "config.json").read_text(encoding="utf-8"))
        kinds = [*config["architectures"], *config["llm_config"]["architectures"]]
        max_tiles: int = config["max_dynamic_patch"]
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError("model", f"{base} is no InternVL2 checkpoint: {error!r}.") from error
    if kinds != KINDS:
        raise TrainingError(
            "model",
            f"{base} is no InternVL2 of InternLM2 kind (it says {', '.join(kinds)}), and XTuner trains no other here.",
        )
    if "." in base.name:
        raise TrainingError(
            "model", f"{base.name!r} has a dot, and transformers can't load code from such a directory. Rename it."
        )
    return max_tiles


if __name__ == "__main__":
    sys.exit(resume(TrainingPlan.load(Path(sys.argv[1]))))
