"""`jokebot judge`: the model that chooses among candidates of a joke."""

import argparse
import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from configs.settings import Settings

if TYPE_CHECKING:
    from storage.judge.registry import JudgeRecord

HELP = "show the judge that chooses among jokes, or fit it anew"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("fit", help="fit it on all ratings now (the bot does this by itself)")
    prior = actions.add_parser("prior", help="fit a start for it on the likes in a file of CLoT-Oogiri-GO")
    prior.add_argument("file", type=Path, metavar="FILE", help="the file, in JSON lines; its pictures are not needed")
    prior.add_argument("--language", choices=("cn", "en", "jp"), default="cn", help="the file's language")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the versions, or the version that was fitted."""
    if arguments.action == "prior":
        print(fit_prior_file(arguments, settings))
    elif arguments.action == "fit":
        os.nice(settings.retrain.nice)
        print(asyncio.run(fit(settings)))
    else:
        print(asyncio.run(overview(settings)))
    return 0


async def fit(settings: Settings) -> str:
    """Fit a new version; returns a line about it."""
    from storage.database import Database
    from trainer.judge.versions import fit_new_version

    async with Database.connect(settings.storage) as database:
        return describe(await fit_new_version(database, settings.storage.judges, settings.judge))


def fit_prior_file(arguments: argparse.Namespace, settings: Settings) -> str:
    """Fit a prior and write its file; returns a line about it."""
    from storage.judge.registry import PRIOR
    from trainer.judge.prior import fit_prior

    judge = fit_prior(arguments.file, arguments.language)
    judge.save(settings.storage.judges / PRIOR)
    accuracy = judge.measures["pair_accuracy"]
    return f"{judge.measures['pairs']} pairs, {accuracy:.1%} of unseen ones right. Later fits start from it."


async def overview(settings: Settings) -> str:
    """A line for each version, newest first."""
    from storage.database import Database
    from storage.judge.registry import list_judges

    async with Database.connect(settings.storage) as database:
        records = await list_judges(database)
    return "\n".join(map(describe, records)) or "There is no judge yet; the bot fits one when there are enough ratings."


def describe(record: "JudgeRecord") -> str:
    """A version in one line."""
    measures = record.measured
    use = record.status if record.usable else f"{record.status}, not used: not surely better than chance"
    return (
        f"judge {record.id}: {use}; {time.strftime('%Y-%m-%d %H:%M', time.localtime(record.fitted_at))}; "
        f"{measures['ratings']} ratings; {measures['pair_accuracy']:.1%} of {measures['pairs']} unseen pairs right "
        f"(at least {measures['pair_accuracy_bound']:.1%})"
    )
