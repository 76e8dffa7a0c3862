"""`jokebot export`: write a dataset from ratings, or preference pairs for other tools."""

import argparse
import asyncio
import time
from pathlib import Path

from configs.settings import Settings

HELP = "write a training dataset of the jokes that users liked, or preference pairs for TRL or ms-swift"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="model whose tokenizer counts the tokens (default: the champion)"
    )
    parser.add_argument(
        "--preferences", choices=["trl", "swift"], help="write preference pairs in this tool's format, with --out"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="new folder for the preference pairs")
    parser.add_argument(
        "--min-votes", type=int, default=1, metavar="N", help="votes by which the better joke has to lead (default: 1)"
    )
    parser.add_argument("--captions", action="store_true", help="also pairs whose prompt has a user's caption")
    parser.add_argument("--across-styles", action="store_true", help="also pairs of jokes with different prompts")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the dataset's content, the exclusions by reason, and its directory. Raises JokebotError."""
    if arguments.preferences:
        print(asyncio.run(export_preferences(arguments, settings)))
        return 0
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


async def export_preferences(arguments: argparse.Namespace, settings: Settings) -> str:
    """Write preference pairs and return a summary. Raises PreferenceError."""
    from configs.blocklist import BlockList
    from storage.database import Database
    from storage.media.photo_credits import get_credits
    from trainer.dataset.preference_files import PreferenceError, write_preferences
    from trainer.dataset.preferences import read_preferences

    if arguments.out is None:
        raise PreferenceError("Name a new folder for the preferences with --out DIR.")
    async with Database.connect(settings.storage) as database:
        data = await read_preferences(
            database,
            settings.selection,
            BlockList.of(settings.safety),
            min_votes=max(arguments.min_votes, 1),
            captions=arguments.captions,
            across_styles=arguments.across_styles,
        )
        known = await get_credits(database, [pair.photo.id for pair in data.pairs])
    licences = {photo_id: credit.line for photo_id, credit in known.items()}
    counts = write_preferences(data, settings.storage.photos, arguments.out, arguments.preferences, licences)
    lines = [", ".join(f"{part}: {count} pairs" for part, count in counts.items())]
    lines += [f"left out: {count} × {reason}" for reason, count in data.excluded.items()]
    return "\n".join([*lines, str(arguments.out)])
