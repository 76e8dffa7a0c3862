"""`jokebot demo-model`: small InternVL2 checkpoints of our own."""
import argparse
import time
from pathlib import Path

from configs.settings import Settings

HELP = "Write an InternVL2 checkpoint of our own: `random` weights, for tests and the demo."
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    random = kinds.add_parser("random", help="random weights: it loads everywhere and says noise")
    random.add_argument("--shape", choices=("tiny", "2b"), default="tiny", help="tiny for tests, 2b for InternVL2-2B's sizes")
    random.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes")
    random.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new directory, without a dot in its name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    # The trainer's own command line: its packages exist only in the train environment, so they are imported here.
    from trainer.demo_model.random import write_random
    from trainer.demo_model.shapes import SHAPES

    start = time.monotonic()
    shape = SHAPES[arguments.shape]
    size = write_random(arguments.out.absolute(), shape, arguments.seed)
    print(f"{arguments.out}: {shape.parameters():,} parameters, {size / 2**20:.1f} MiB, {time.monotonic() - start:.1f} s")
    return 0
