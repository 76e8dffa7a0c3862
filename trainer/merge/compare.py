"""Compares two merges of the same base, and makes random adapters, for tests and the benchmark."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from trainer.merge.adapter import ABOUT, WEIGHTS
from trainer.merge.base_model import BaseCheckpoint
from trainer.merge.checkpoint_io import MergeError, StoredTensor

ROWS = 1 << 20
"""Number of elements compared at a time."""


def max_ulp(base: Path, reference: Path, other: Path) -> float:
    """The largest difference in bf16 steps, each step taken at the size of max(|base|, |delta|) of that element.

    The arguments are model directories with the same parameters. Raises MergeError if their tensors differ in names.
    """
    models = [
        {name: tensor for file in BaseCheckpoint.open(path).files.values() for name, tensor in file.items()}
        for path in (base, reference, other)
    ]
    if models[1].keys() != models[2].keys():
        raise MergeError(
            f"{reference} and {other} hold different tensors: {sorted(models[1].keys() ^ models[2].keys())[:3]} …"
        )
    return max(tensor_ulp(*(model[name] for model in models)) for name in models[1])


def tensor_ulp(base: StoredTensor, reference: StoredTensor, other: StoredTensor) -> float:
    """`max_ulp` of one parameter."""
    worst = 0.0
    flat = [StoredTensor(tensor.dtype, tensor.values.reshape(-1)) for tensor in (base, reference, other)]
    for start in range(0, flat[0].values.size, ROWS):
        old, expected, actual = (
            StoredTensor(tensor.dtype, tensor.values[start : start + ROWS]).float32().astype(np.float64)
            for tensor in flat
        )
        size = np.maximum(np.abs(old), np.abs(expected - old))
        step = np.ldexp(1.0, np.frexp(np.maximum(size, 2.0**-126))[1] - 8)
        worst = max(worst, float((np.abs(expected - actual) / step).max(initial=0.0)))
    return worst


def random_adapter(base: Path, out: Path, rank: int, seed: int = 0, changed: str = "language_model.") -> None:
    """Write an adapter with XTuner's names and random values, also for B, which is zero in a new LoRA.

    It has a LoRA on every linear layer of the part `changed` and a whole projector, as `jokebot train` writes them.
    """
    numbers, tensors = np.random.default_rng(seed), {}
    for file in BaseCheckpoint.open(base).files.values():
        for name, tensor in file.items():
            shape = tensor.values.shape
            if name.startswith(changed) and len(shape) == 2 and "embedding" not in name:
                part, layer = name.removesuffix(".weight").split(".", 1)
                key = f"model.{part}.base_model.model.{layer}"
                tensors[f"{key}.lora_A.default.weight"] = numbers.standard_normal(
                    (rank, shape[1]), np.float32
                ) * np.float32(0.02)
                tensors[f"{key}.lora_B.default.weight"] = numbers.standard_normal(
                    (shape[0], rank), np.float32
                ) * np.float32(0.01)
            elif name.startswith("mlp1."):
                tensors[f"model.{name}"] = tensor.float32() + numbers.standard_normal(shape, np.float32) * np.float32(
                    1e-3
                )
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(out / WEIGHTS))
    (out / ABOUT).write_text(json.dumps({"format": 1, "lora_rank": rank, "lora_alpha": 2 * rank}), encoding="utf-8")
