"""How far two merges of the same base are apart, for the tests and the benchmark."""
from pathlib import Path

import numpy as np

from trainer.merge.tensors import MergeError, Tensor
from trainer.merge.weights import Base

ROWS = 1 << 20
"""Elements compared at a time."""


def max_ulp(base: Path, reference: Path, other: Path) -> float:
    """The largest difference in bf16 steps, each step taken at the size of max(|base|, |delta|) of that element.

    Three model directories with the same parameters. Raises MergeError where one lacks a tensor of the reference.
    """
    models = [{name: tensor for file in Base.of(path).files.values() for name, tensor in file.items()}
              for path in (base, reference, other)]
    if models[1].keys() != models[2].keys():
        raise MergeError(f"{reference} and {other} hold different tensors: {sorted(models[1].keys() ^ models[2].keys())[:3]} …")
    return max(tensor_ulp(*(model[name] for model in models)) for name in models[1])


def tensor_ulp(base: Tensor, reference: Tensor, other: Tensor) -> float:
    worst = 0.0
    flat = [Tensor(tensor.dtype, tensor.values.reshape(-1)) for tensor in (base, reference, other)]
    for start in range(0, flat[0].values.size, ROWS):
        old, wanted, got = (Tensor(tensor.dtype, tensor.values[start:start + ROWS]).float32().astype(np.float64) for tensor in flat)
        size = np.maximum(np.abs(old), np.abs(wanted - old))
        step = np.ldexp(1.0, np.frexp(np.maximum(size, 2.0**-126))[1] - 8)
        worst = max(worst, float((np.abs(wanted - got) / step).max(initial=0.0)))
    return worst
