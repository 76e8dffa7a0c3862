# environment: train
"""Writes a random checkpoint of InternVL2-2B's shapes; draws the weights on the GPU if there is one.

Faster than `jokebot demo-model random --shape 2b`, which uses numpy on one core and gives the same bytes for one seed
on every machine. Prints one JSON object: directory, bytes and seconds.
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
    """A parameter's values, distributed as in `trainer/demo_model/random_weights.py`."""
    count = math.prod(size)
    for start in range(0, count, PIECE):
        length = min(PIECE, count - start)
        if name.endswith("bias") or is_scale(name):
            yield numpy.full(length, 0.0 if name.endswith("bias") else 1.0, dtype=numpy.float32)
        else:
            yield (torch.randn(length, device=DEVICE) * SPREAD).cpu().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[2])
    parser.add_argument("--out", type=Path, required=True, help="a new directory")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="2b")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    started = time.monotonic()
    with new_directory(options.out.absolute()) as directory:
        write_frame(directory, SHAPES[options.shape])
        size = write_checkpoint(directory, parameters(SHAPES[options.shape]), values)
    print(json.dumps({"directory": str(options.out), "bytes": size, "seconds": round(time.monotonic() - started, 1)}))


if __name__ == "__main__":
    main()
