# environment: train
"""Profile of our training step: `python benchmarks/profile_step.py --folder DIR`.

DIR must hold the run `ours` of benchmarks/train.py. Prints the most expensive kernels, then one JSON object: step_s,
tflop, tflops, photos_per_s.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from trainer.xtuner import compat, worker  # noqa: E402
from trainer.xtuner.plan import TrainingPlan  # noqa: E402

WARM, TIMED = 3, 5
GPU = torch.cuda.is_available()


def build(plan: TrainingPlan) -> tuple[Any, Any, list[Any]]:
    """Build the model, the optimiser and one batch of a run, with cached features."""
    worker.prepare_environment(plan)
    compat.apply_repairs()
    from mmengine.config import Config
    from mmengine.optim import OptimWrapper
    from mmengine.registry import MODELS
    from xtuner.registry import BUILDER

    from trainer.xtuner.packed_dataset import as_list

    config = Config.fromfile(str(plan.work / "config.py"))
    model = MODELS.build(config.model)
    model = (model.cuda() if GPU else model).train()
    rows = BUILDER.build(dict(config.train_dataloader.dataset))
    batch = as_list([rows[index] for index in range(plan.training.batch_size)])
    wrapper = OptimWrapper(
        torch.optim.AdamW([part for part in model.parameters() if part.requires_grad], lr=1e-5),
        clip_grad={"max_norm": 1},
    )
    return model, wrapper, batch


def work(model: Any, batch: Any) -> float:
    """TFLOP of a step's matrix products, forward and backward, without recomputation and vision model."""
    config, rows = model.decoder().config, batch["data"]["rows"]
    tokens, rank = sum(len(row["ids"]) for row in rows), model.decoder().output.a.shape[0]
    shapes = [
        layer.frozen.layer
        for part in model.decoder().layers
        for layer in (part.wqkv, part.wo, part.w1, part.w3, part.w2)
    ]
    frozen = sum(layer.in_features * layer.out_features for layer in shapes) * tokens * 2 * 2
    lora = sum(rank * (layer.in_features + layer.out_features) for layer in shapes) * tokens * 2 * 3
    attention = sum(len(row["ids"]) ** 2 for row in rows) * config.hidden_size * config.num_hidden_layers * 2 * 3.5
    return (frozen + lora + attention) / 1e12


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    model, wrapper, batch = build(TrainingPlan.load(parser.parse_args().folder / "ours"))
    for _ in range(WARM):
        model.train_step(batch, wrapper)
    activities = [torch.profiler.ProfilerActivity.CPU, *([torch.profiler.ProfilerActivity.CUDA] if GPU else [])]
    start = time.monotonic()
    for _ in range(TIMED):
        float(model.train_step(batch, wrapper)["loss"])
    seconds = (time.monotonic() - start) / TIMED
    with torch.profiler.profile(activities=activities) as profile:
        float(model.train_step(batch, wrapper)["loss"])
    print(
        profile.key_averages().table(
            sort_by="cuda_time_total" if GPU else "cpu_time_total", row_limit=30, max_name_column_width=70
        )
    )
    tflop = work(model, batch)
    print(
        json.dumps(
            {
                "step_s": round(seconds, 4),
                "tflop": round(tflop, 3),
                "tflops": round(tflop / seconds, 1),
                "recomputed_layers": model.recomputed,
                "photos_per_s": round(len(batch["data"]["rows"]) / seconds, 2),
                "gpu_mb": torch.cuda.max_memory_reserved() >> 20 if GPU else 0,
            }
        )
    )


if __name__ == "__main__":
    main()
