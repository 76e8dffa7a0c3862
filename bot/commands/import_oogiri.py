"""`jokebot import-oogiri`: CLoT-Oogiri-GO's rows, or the tutorial's file, as a cold-start dataset."""
import argparse
import asyncio
from pathlib import Path

from configs.settings import Settings

HELP = "Make a cold-start dataset of CLoT-Oogiri-GO rows (cn.jsonl) or of the tutorial's ex_cn.json."
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="cn.jsonl, en.jsonl, jp.jsonl, or ex_cn.json")
    parser.add_argument("images", type=Path, help="the folder of its pictures")
    parser.add_argument("--language", choices=("cn", "en", "jp"), default="cn", help="rows in another language are dropped")
    parser.add_argument("--min-stars", type=int, default=0, metavar="N", help="least likes; rows of unknown likes count as none")
    parser.add_argument("--limit", type=int, default=2000, metavar="N", help="most rows, each picture's most liked first")
    parser.add_argument("--model", type=Path, metavar="DIR", help="the model whose tokenizer counts; else the champion's")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print what was imported, what was dropped and why, and where the dataset is."""
    from trainer.dataset.token_budget import count_without_torch

    count_without_torch()
    print(asyncio.run(import_rows(arguments, settings)))
    return 0


async def import_rows(arguments: argparse.Namespace, settings: Settings) -> str:
    """Import and say what came of it."""
    from storage.database import Database
    from trainer.dataset.summary import summary
    from trainer.dataset.token_budget import find_token_budget
    from trainer.oogiri.importer import Import, Importer

    async with Database.of(settings.storage) as database:
        budget = await find_token_budget(database, settings, arguments.model)
        importer = Importer(database, settings.storage.datasets, settings.selection, settings.limits, budget)
        imported = await importer.run(Import(arguments.file, arguments.images, arguments.language, arguments.min_stars, arguments.limit))
    return f"{summary(imported.manifest)}\n{imported.directory}"
