"""`jokebot demo-model`: make small InternVL2 checkpoints."""

import argparse
import time
from pathlib import Path
from typing import Any

from configs.settings import ROOT, Settings

HELP = "make a small InternVL2 checkpoint: with random weights, or trained as the demo model"
ENVIRONMENT = "train"
PACK = ROOT / "build" / "demo-model" / "pictures.zip"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    random = kinds.add_parser(
        "random", help="write random weights; the checkpoint loads everywhere and generates noise"
    )
    random.add_argument(
        "--shape",
        choices=("tiny", "demo", "2b"),
        default="tiny",
        help="tiny (for tests), demo (the demo model's sizes) or 2b (InternVL2-2B's sizes)",
    )
    random.add_argument("--seed", type=int, default=0, help="seed of the weights; the same seed gives the same bytes")
    random.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to create")
    random.set_defaults(do=run_random)
    pack = kinds.add_parser("pack", help="download and draw the images that `build` trains on (needs npm and node)")
    pack.add_argument(
        "--out", type=Path, default=PACK, metavar="FILE", help="file to write (default: build/demo-model/pictures.zip)"
    )
    pack.set_defaults(do=run_pack)
    build = kinds.add_parser("build", help="train the demo model; takes under 9 minutes on a GPU")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to create")
    build.add_argument(
        "--pack", type=Path, default=PACK, metavar="FILE", help="image pack made by `jokebot demo-model pack`"
    )
    build.add_argument("--minutes", type=float, default=8.0, help="minutes of training; start and save add about one")
    build.add_argument("--steps", type=int, default=0, help="train this many steps instead of --minutes")
    build.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="device to train on")
    build.add_argument("--seed", type=int, default=0, help="seed of the weights, the images and the texts")
    build.add_argument("--start", type=Path, metavar="DIR", help="checkpoint whose weights the training starts from")
    build.set_defaults(do=run_build)
    _add_tune(kinds)


def _add_tune(kinds: Any) -> None:
    tune = kinds.add_parser("tune", help="train only the language part, on a CPU: new texts, the same vision part")
    tune.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to create")
    tune.add_argument("--pack", type=Path, default=PACK, metavar="FILE", help="image pack of `jokebot demo-model pack`")
    tune.add_argument("--start", type=Path, required=True, metavar="DIR", help="checkpoint to start from")
    tune.add_argument("--texts", type=Path, metavar="DIR", help="checkpoint whose language part is taken instead")
    tune.add_argument("--cpu-minutes", type=float, default=30.0, help="CPU time of all cores together")
    tune.add_argument("--steps", type=int, default=0, help="train this many steps instead of --cpu-minutes")
    tune.add_argument("--pictures", type=int, default=1600, help="painted pictures that the texts are about")
    tune.add_argument("--rate", type=float, default=6e-4, help="maximum learning rate")
    tune.add_argument("--seed", type=int, default=0, help="seed of the images and the texts")
    tune.set_defaults(do=run_tune)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    return arguments.do(arguments)


# The packages of the train environment are imported inside the functions: `jokebot --help` runs without them.
def run_random(arguments: argparse.Namespace) -> int:
    from trainer.demo_model.architectures import SHAPES
    from trainer.demo_model.random_weights import write_random

    start = time.monotonic()
    shape = SHAPES[arguments.shape]
    size = write_random(arguments.out.absolute(), shape, arguments.seed)
    print(
        f"{arguments.out}: {shape.parameters():,} parameters, {size / 2**20:.1f} MiB, {time.monotonic() - start:.1f} s"
    )
    return 0


def run_pack(arguments: argparse.Namespace) -> int:
    from trainer.demo_model.picture_pack import make_pack

    drawings = make_pack(arguments.out, PACK.with_name("work"))
    print(f"{arguments.out}: {drawings} drawings, {arguments.out.stat().st_size / 2**20:.1f} MiB")
    return 0


def run_build(arguments: argparse.Namespace) -> int:
    from trainer.demo_model.build import build, report

    start = time.monotonic()
    out = arguments.out.absolute()
    timing = build(
        out, arguments.pack, arguments.device, arguments.minutes, arguments.seed, arguments.start, arguments.steps
    )
    print(report(timing, out, start))
    return 0


def run_tune(arguments: argparse.Namespace) -> int:
    from trainer.demo_model.build import report
    from trainer.demo_model.language_tuning import tune

    start = time.monotonic()
    out, pack, weights, texts = arguments.out.absolute(), arguments.pack, arguments.start, arguments.texts
    amount = (arguments.cpu_minutes, arguments.pictures, arguments.seed, arguments.steps, arguments.rate)
    print(report(tune(out, pack, weights, texts, *amount), out, start))
    return 0
