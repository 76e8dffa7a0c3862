"""`jokebot export`: write a dataset from ratings."""

import argparse
import asyncio
import time
from pathlib import Path

from configs.settings import Settings

HELP = "write a training dataset of the jokes that users liked"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="model whose tokenizer counts the tokens (default: the champion)"
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the dataset's content, the exclusions by reason, and its directory."""
    from trainer.dataset.token_budget import count_without_torch

    count_without_torch()
    print(asyncio.run(export(arguments, settings)))
    return 0


async def export(arguments: argparse.Namespace, settings: Settings) -> str:
    """Export a dataset and return its summary."""
    from configs.blocklist import BlockList
    from storage.database import Database
    from trainer.dataset.export import DatasetExporter
    from trainer.dataset.summary import summary
    from trainer.dataset.token_budget import find_token_budget
    from trainer.judge.versions import load_serving_judge

    start = time.monotonic()
    async with Database.connect(settings.storage) as database:
        budget = await find_token_budget(database, settings, arguments.model)
        exporter = DatasetExporter(
            database,
            settings.storage.photos,
            settings.storage.datasets,
            settings.selection,
            budget,
            blocked=BlockList.of(settings.safety),
            judge=await load_serving_judge(database, settings.storage.judges),
        )
        exported = await exporter.export()
    existing = " (it was there already, with the same content)" if exported.known else ""
    return f"{summary(exported.manifest)}\n{exported.directory}{existing}\n{time.monotonic() - start:.1f} s"
