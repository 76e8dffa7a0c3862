"""`jokebot demo-model build`: trains a checkpoint of the `demo` shape, from random or from given weights."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer

from configs.errors import JokebotError
from configs.subjects import load_subjects
from configs.transformers_imports import import_transformers
from trainer.demo_model.architectures import SHAPES, parameters
from trainer.demo_model.augmentation import PicturePainter
from trainer.demo_model.picture_pack import load_pack
from trainer.demo_model.random_weights import write_random
from trainer.demo_model.sources import HELD_OUT
from trainer.demo_model.tokenizer import dump
from trainer.demo_model.train import (
    CPU_PHASES,
    GPU_PHASES,
    GPU_RESUMED_PHASES,
    DemoTrainer,
    DemoTrainingPlan,
    fit_head,
    train,
)
from trainer.demo_model.weight_writer import write_checkpoint

SHAPE = SHAPES["demo"]
TRAINING = "training.json"
"""File in the checkpoint with the drawing sets that it was trained on, and the training's steps and seconds."""
MINUTES = 8.0
"""A lent machine ends a command after 10 minutes; start and saving take about one."""


def build(
    out: Path,
    pack: Path,
    device: str = "auto",
    minutes: float = MINUTES,
    seed: int = 0,
    start: Path | None = None,
    steps: int = 0,
) -> dict[str, float]:
    """Train for `minutes`, or for so many `steps`, and write the checkpoint to `out`.

    `start` is a checkpoint whose weights the training starts from. `device` is auto, cpu or cuda. Returns steps,
    pictures and seconds. Raises JokebotError for a missing pack, an `out` in use, or weights of another shape.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # it warns in each worker otherwise
    chosen = torch.device(device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
    drawings = [drawing for drawing in load_pack(pack) if drawing.set != HELD_OUT]
    write_random(out, SHAPE, seed)
    model = load(out)
    if start:
        load_weights(model, start)
    plan = replace(plan_for(chosen, minutes, seed, whole=start is None), steps=steps)
    trainer = DemoTrainer(model, len(load_subjects()), plan, chosen)
    painter = PicturePainter(drawings, chosen, seed, plan.restyled)
    if start:
        fit_head(trainer, painter, plan.phases[0].side)
    print(f"{len(drawings)} drawings, {chosen}, {minutes} minutes", flush=True)
    took = train(trainer, painter, Tokenizer.from_file(str(out / "tokenizer.json")), save=lambda: save(model, out))
    save(model, out)
    record = {
        "sets": sorted({drawing.set for drawing in drawings}),
        "seed": seed,
        "device": chosen.type,
        "minutes": minutes,
        "from": "weights" if start else "nothing",
    }
    dump(out / TRAINING, {**record, **took})
    return took


def plan_for(device: torch.device, minutes: float, seed: int, whole: bool) -> DemoTrainingPlan:
    """A plan for a new model (`whole`), or for one with trained weights.

    Trained weights get a lower learning rate, and half of the drawings are shown unchanged.
    """
    cuda = device.type == "cuda"
    rate = (1e-3 if cuda else 8e-4) * (1 if whole else 0.5)
    phases = (GPU_PHASES if whole else GPU_RESUMED_PHASES) if cuda else CPU_PHASES
    return DemoTrainingPlan(
        phases,
        minutes,
        rate,
        workers=min(8, os.cpu_count() or 1) if cuda else 0,
        seed=seed,
        restyled=1.0 if whole else 0.5,
        whole=whole,
    )


def load(directory: Path) -> Any:
    """Load the checkpoint's model in float32 with its own modelling code."""
    AutoModel, _ = import_transformers(torch)
    return AutoModel.from_pretrained(directory, trust_remote_code=True, torch_dtype=torch.float32)


def load_weights(model: Any, start: Path) -> None:
    try:
        model.load_state_dict({name: value.float() for name, value in load_file(start / "model.safetensors").items()})
    except (OSError, RuntimeError) as error:
        raise JokebotError(f"The weights in {start} can't be used for the demo shape: {str(error)[:300]}") from error


def save(model: Any, out: Path) -> None:
    """Write the model's weights to the checkpoint as bf16, by rename."""
    state = {name: value.detach().float().cpu().numpy() for name, value in model.state_dict().items()}

    def values(name: str, size: tuple[int, ...]) -> Iterator[NDArray[np.float32]]:
        yield np.ascontiguousarray(state[name]).reshape(-1)

    new = out / "new"
    new.mkdir(exist_ok=True)
    write_checkpoint(new, parameters(SHAPE), values)
    (new / "model.safetensors").replace(out / "model.safetensors")
    new.rmdir()


def report(took: dict[str, float], out: Path, started: float) -> str:
    size = (out / "model.safetensors").stat().st_size / 2**20
    return json.dumps({**took, "mb": round(size, 2), "total_s": round(time.monotonic() - started, 1)})
