"""`jokebot dataset`: show and check datasets."""

import argparse
import asyncio
from pathlib import Path

from configs.settings import Settings

HELP = "show datasets, or check one for training"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    check = kinds.add_parser("check", help="verify every row, image and hash; exit with 1 if one is wrong")
    check.add_argument("dataset", help="directory of the dataset, or the beginning of its name")
    check.add_argument(
        "--model",
        type=Path,
        metavar="DIR",
        help="model whose tokenizer counts the tokens (default: the one with which it was made, or the champion)",
    )
    show = kinds.add_parser("show", help="list all datasets, or show one")
    show.add_argument(
        "dataset", nargs="?", help="directory of the dataset, or the beginning of its name (default: list all)"
    )
    show.add_argument("--rows", type=int, default=5, metavar="N", help="rows to show")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the subcommand."""
    from trainer.dataset.token_budget import count_without_torch

    count_without_torch()
    return asyncio.run((check if arguments.kind == "check" else show)(arguments, settings))


async def check(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print a line for each problem."""
    from storage.database import Database
    from storage.learning import datasets
    from trainer.dataset.check import check_dataset, counting_model
    from trainer.dataset.token_budget import find_token_budget

    async with Database.connect(settings.storage) as database:
        directory = await datasets.get_directory(database, settings.storage.datasets, arguments.dataset)
        model = arguments.model or await asyncio.to_thread(counting_model, directory)
        budget = await find_token_budget(database, settings, model)
    problems = check_dataset(directory, budget)
    print("\n".join(problems) or f"{directory}: sound.")
    return 1 if problems else 0


async def show(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print one dataset, or a line per dataset."""
    from storage.database import Database
    from storage.learning import datasets
    from storage.learning.dataset_files import read_dataset
    from trainer.dataset.summary import listing, sample, summary

    async with Database.connect(settings.storage) as database:
        if arguments.dataset is None:
            print(listing(await datasets.all_datasets(database), settings.storage.datasets))
            return 0
        directory = await datasets.get_directory(database, settings.storage.datasets, arguments.dataset)
    contents = read_dataset(directory)
    print(f"{summary(contents.manifest)}\n{directory}\n\n{sample(contents, arguments.rows)}")
    return 0
