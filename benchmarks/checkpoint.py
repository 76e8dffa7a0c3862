# environment: train
"""Writes a random checkpoint of InternVL2-2B's exact shapes, its weights drawn on the GPU where there is one.

`jokebot demo-model random --shape 2b` writes one as well, by numpy on one core, the same bytes for the same seed
everywhere; this one only has to be quick. Prints one JSON object: its directory, bytes and seconds.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from trainer.demo_model.architectures import SHAPES, parameters
from trainer.demo_model.random_weights import PIECE, SPREAD, is_scale, new_directory, write_frame
from trainer.demo_model.weight_writer import write_checkpoint

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def values(name: str, size: tuple[int, ...]) -> Iterator[numpy.ndarray]:
    """A parameter's values, as `trainer/demo_model/random_weights.py` chooses them."""
    count = math.prod(size)
    for start in range(0, count, PIECE):
        length = min(PIECE, count - start)
        if name.endswith("bias") or is_scale(name):
            yield numpy.full(length, 0.0 if name.endswith("bias") else 1.0, dtype=numpy.float32)
        else:
            yield (torch.randn(length, device=DEVICE) * SPREAD).cpu().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[2])
    parser.add_argument("--out", type=Path, required=True, help="a new directory, without a dot in its name")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="2b")
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    torch.manual_seed(told.seed)
    began = time.monotonic()
    with new_directory(told.out.absolute()) as place:
        write_frame(place, SHAPES[told.shape])
        size = write_checkpoint(place, parameters(SHAPES[told.shape]), values)
    print(json.dumps({"directory": str(told.out), "bytes": size, "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
