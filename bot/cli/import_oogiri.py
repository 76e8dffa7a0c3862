"""`jokebot import-oogiri`: make a cold-start dataset of CLoT-Oogiri-GO's rows or the tutorial's file."""

import argparse
import asyncio
from pathlib import Path

from configs.settings import Settings

HELP = "make a cold-start dataset from CLoT-Oogiri-GO rows or from the tutorial's ex_cn.json"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, help="cn.jsonl, en.jsonl, jp.jsonl or ex_cn.json, or a folder or zip that holds one"
    )
    parser.add_argument(
        "images",
        type=Path,
        nargs="?",
        help="folder or zip of its images (default: images, ex_images or a zip of these names beside the file)",
    )
    parser.add_argument(
        "--language", choices=("cn", "en", "jp"), default="cn", help="language to keep; other rows are dropped"
    )
    parser.add_argument(
        "--min-stars", type=int, default=0, metavar="N", help="fewest likes of a row; unknown likes count as 0"
    )
    parser.add_argument(
        "--limit", type=int, default=2000, metavar="N", help="most rows; the most liked row of each image comes first"
    )
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="model whose tokenizer counts the tokens (default: the champion)"
    )
    parser.add_argument(
        "--hold-out",
        type=Path,
        nargs="+",
        default=[],
        metavar="PHOTO",
        help="photos, for example those of a comparison: rows with these or nearly these images are not trained on",
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the imported rows, the exclusions by reason, and the dataset's directory."""
    from trainer.dataset.token_budget import count_without_torch

    count_without_torch()
    print(asyncio.run(import_rows(arguments, settings)))
    return 0


async def import_rows(arguments: argparse.Namespace, settings: Settings) -> str:
    """Import the rows and return the dataset's summary."""
    from storage.database import Database
    from trainer.dataset.summary import summary
    from trainer.dataset.token_budget import find_token_budget
    from trainer.oogiri.importer import Importer, OogiriImport

    async with Database.connect(settings.storage) as database:
        budget = await find_token_budget(database, settings, arguments.model)
        importer = Importer(database, settings.storage.datasets, settings.selection, settings.limits, budget)
        imported = await importer.run(
            OogiriImport(
                arguments.file,
                arguments.images,
                arguments.language,
                arguments.min_stars,
                arguments.limit,
                tuple(arguments.hold_out),
            )
        )
    return f"{summary(imported.manifest)}\n{imported.directory}"
