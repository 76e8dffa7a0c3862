"""`jokebot tutorial`: the InternLM camp's joke tutorial in one command."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Any

from configs.settings import Settings

HELP = "run the InternLM camp's joke tutorial: jokes before, import, QLoRA, merge, jokes after, a page with both"
ENVIRONMENT = "train"
NAME = "tutorial"
DEFAULTS: dict[str, Any] = {
    "model": None,
    "data": None,
    "rows": 2000,
    "language": "cn",
    "camp": False,
    "photos": [],
    "from": "hf",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="base model (default: InternVL2-2B, fetched after asking)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="ex_cn.json, a .jsonl of CLoT-Oogiri-GO, or a folder or zip with one and its pictures "
        "(default: CLoT-Oogiri-GO, fetched after asking)",
    )
    parser.add_argument("--rows", type=int, metavar="N", help="most rows to train on (default: 2000)")
    parser.add_argument("--language", choices=("cn", "en", "jp"), help="language of the rows and jokes (default: cn)")
    parser.add_argument(
        "--camp",
        action="store_true",
        default=None,
        help="the camp's settings: 6 epochs, batch 4 × 4, rank 128 (default: one epoch, otherwise as in [training])",
    )
    parser.add_argument(
        "--photos",
        type=Path,
        nargs="+",
        metavar="PHOTO",
        help="photos for the jokes before and after; they are not trained on (default: six pictures of the data)",
    )
    parser.add_argument(
        "--from", dest="source", metavar="SOURCE", help="where to fetch from, as in `jokebot fetch` (default: hf)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of page and records (default: tutorial in the data folder)"
    )
    parser.add_argument("--yes", action="store_true", help="fetch, and trust the model's code, without asking")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 when all is done, 1 if the user declines, 143 if it was stopped; the same command continues.

    Raises JokebotError for wrong input and for a step that failed.
    """
    from bot.cli.tutorial_steps import Declined, Tutorial
    from bot.tutorial.course import CourseRecord, CourseStopped, locked, run_course

    out = (arguments.out or settings.storage.directory / NAME).expanduser().absolute()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with locked(out) as lock:
        record = CourseRecord(out)
        try:
            choices = record.choose(choices_in(arguments), {**DEFAULTS, "name": asyncio.run(free_name(settings))})
            tutorial = Tutorial(record, choices, settings, lock, yes=arguments.yes)
            tutorial.check_input()
            run_course(record, tutorial.steps())
        except (CourseStopped, KeyboardInterrupt):
            print("\nStopped. `jokebot tutorial` continues.", flush=True)
            return 143
        except Declined as declined:
            print(f"{declined} `jokebot tutorial` asks again.", flush=True)
            return 1
        tutorial.print_end()
    return 0


def choices_in(arguments: argparse.Namespace) -> dict[str, Any]:
    """The given choices by name, with absolute paths; None for those that are not given."""
    return {
        "model": absolute(arguments.model),
        "data": absolute(arguments.data),
        "rows": arguments.rows,
        "language": arguments.language,
        "camp": arguments.camp,
        "photos": arguments.photos and [absolute(photo) for photo in arguments.photos],
        "from": arguments.source,
    }


def absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.expanduser().absolute())


async def free_name(settings: Settings) -> str:
    """A name for the model without a registered model or a directory: tutorial, or tutorial-2."""
    from storage.database import Database
    from storage.learning.models import all_models

    async with Database.connect(settings.storage) as database:
        taken = {model.name for model in await all_models(database)}
    names = (NAME if number == 1 else f"{NAME}-{number}" for number in range(1, 1000))
    return next(name for name in names if name not in taken and not (settings.storage.models / name).exists())
