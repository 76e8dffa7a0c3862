"""`jokebot train`: train an adapter on a dataset."""

import argparse
import asyncio
from pathlib import Path

from configs.settings import Settings

HELP = "train a model on a dataset (QLoRA); the same command continues a stopped run"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help="the beginning of a dataset's name, or a directory with train.json and its images",
    )
    parser.add_argument("--base", type=Path, required=True, metavar="MODEL", help="directory of the base model")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="output directory for progress, checkpoints and the adapter",
    )
    # `jokebot tutorial` goes on by itself.
    parser.add_argument("--no-hint", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 when done, 143 when stopped with a checkpoint, 1 when failed (progress.json says why).

    Raises TrainingError, with nothing written, if the input can't be used.
    """
    from trainer.xtuner.entry import train

    dataset = asyncio.run(find_dataset(arguments.dataset, settings))
    code = train(dataset, arguments.base, arguments.out, settings)
    if code == 0 and not arguments.no_hint:
        model = settings.storage.models / arguments.out.name
        print(f"Next: jokebot merge {arguments.out} --base {arguments.base} --out {model}", flush=True)
    return code


async def find_dataset(named: str, settings: Settings) -> Path:
    """The dataset's directory. Raises DatasetError if no dataset, or several, have such a name."""
    if "/" in named or await asyncio.to_thread(Path(named).is_dir):
        return Path(named)
    from storage.database import Database
    from storage.learning.datasets import get_directory

    async with Database.connect(settings.storage) as database:
        return await get_directory(database, settings.storage.datasets, named)
