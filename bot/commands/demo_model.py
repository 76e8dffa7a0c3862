"""`jokebot demo-model`: small InternVL2 checkpoints of our own."""
import argparse
import time
from pathlib import Path

from configs.settings import ROOT, Settings

HELP = "Write an InternVL2 checkpoint of our own: `random` weights, or one that `build` teaches to see and joke."
ENVIRONMENT = "train"
PACK = ROOT / "build" / "demo-model" / "pictures.zip"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    random = kinds.add_parser("random", help="random weights: it loads everywhere and says noise")
    random.add_argument("--shape", choices=("tiny", "demo", "2b"), default="tiny",
                        help="tiny for tests, demo for the demo model's sizes, 2b for InternVL2-2B's")
    random.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes")
    random.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new directory, without a dot in its name")
    random.set_defaults(do=run_random)
    pack = kinds.add_parser("pack", help="fetch and draw the pictures that `build` learns from (needs npm and node)")
    pack.add_argument("--out", type=Path, default=PACK, metavar="FILE", help="the pack (default: build/demo-model/pictures.zip)")
    pack.set_defaults(do=run_pack)
    build = kinds.add_parser("build", help="train the demo model; on a GPU within 9 minutes")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new directory, without a dot in its name")
    build.add_argument("--pack", type=Path, default=PACK, metavar="FILE", help="the picture pack (`jokebot demo-model pack`)")
    build.add_argument("--minutes", type=float, default=8.0, help="minutes of training; starting and saving take about one more")
    build.add_argument("--steps", type=int, default=0, help="so many steps instead, however long they take")
    build.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to train")
    build.add_argument("--seed", type=int, default=0, help="of the weights, the pictures and the texts")
    build.add_argument("--start", type=Path, metavar="DIR", help="a checkpoint to go on from, by its weights alone")
    build.set_defaults(do=run_build)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    return arguments.do(arguments)


# The trainer's own packages exist only in the train environment, so each command imports what it needs.
def run_random(arguments: argparse.Namespace) -> int:
    from trainer.demo_model.random import write_random
    from trainer.demo_model.shapes import SHAPES

    start = time.monotonic()
    shape = SHAPES[arguments.shape]
    size = write_random(arguments.out.absolute(), shape, arguments.seed)
    print(f"{arguments.out}: {shape.parameters():,} parameters, {size / 2**20:.1f} MiB, {time.monotonic() - start:.1f} s")
    return 0


def run_pack(arguments: argparse.Namespace) -> int:
    from trainer.demo_model.pack import make_pack

    drawings = make_pack(arguments.out, PACK.with_name("work"))
    print(f"{arguments.out}: {drawings} drawings, {arguments.out.stat().st_size / 2**20:.1f} MiB")
    return 0


def run_build(arguments: argparse.Namespace) -> int:
    from trainer.demo_model.build import build, report

    start = time.monotonic()
    out = arguments.out.absolute()
    took = build(out, arguments.pack, arguments.device, arguments.minutes, arguments.seed, arguments.start, arguments.steps)
    print(report(took, out, start))
    return 0
