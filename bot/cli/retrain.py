"""`jokebot retrain`: train a new model now."""

import argparse
import asyncio
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING

from configs.errors import JokebotError
from configs.settings import Settings

if TYPE_CHECKING:
    from storage.database import Database
    from storage.learning.retrain_preview import RetrainPreview
    from storage.learning.runs import Run

HELP = "train a new model on the jokes that users liked, in the running bot or in this terminal"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset",
        metavar="DIR",
        help="train on this dataset (directory, or the beginning of its name) "
        "instead of users' ratings; for a cold start from `jokebot import-oogiri`",
    )
    parser.add_argument("--yes", action="store_true", help="start without asking")
    parser.add_argument(
        "--cancel", action="store_true", help="cancel the current run instead; the model in service stays"
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 if the run is queued, waits for its trial or has an outcome, 1 if it failed, 143 if it was stopped."""
    from trainer.dataset.token_budget import count_without_torch

    count_without_torch()
    if arguments.cancel:
        print(asyncio.run(cancel(settings)))
        return 0
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    return asyncio.run(retrain(arguments, settings))


async def cancel(settings: Settings) -> str:
    """Request the end of the current run; end it here if no process works on it. Raises RunError if there is none."""
    from storage.database import Database
    from storage.learning import promotion, runs
    from storage.learning.reasons import EndReason
    from storage.maintenance.data_folder import is_bot_running as bot_runs
    from trainer.pipeline import cleanup
    from trainer.pipeline.workspace import is_run_active, run_lock

    async with Database.connect(settings.storage) as database:
        current = await runs.current_run(database)
        if current is None:
            raise runs.RunError("There is no run under way.")
        await runs.request_cancel(database, current.id)
        if is_run_active(settings.storage.runs) or bot_runs(settings.storage.directory):
            return f"Run {current.id} is asked to end; `jokebot runs {current.id}` shows when it has."
        async with run_lock(settings.storage.runs, wait_s=1.0):
            await promotion.end_run(
                database,
                await runs.get_run(database, current.id),
                "cancelled",
                EndReason("It was cancelled.", "cancelled"),
            )
            await cleanup.clean_up(database, settings)
        return f"Run {current.id} is cancelled. The model in service stays."


async def retrain(arguments: argparse.Namespace, settings: Settings) -> int:
    """Queue a run, or find the unfinished one; execute it here if no bot runs."""
    from bot.cli.pipeline import work
    from storage.database import Database
    from storage.maintenance.data_folder import is_bot_running as bot_runs

    async with Database.connect(settings.storage) as database:
        begun = await left_behind(database, arguments) or await queue(database, arguments, settings)
    if begun is None:
        return 0
    if bot_runs(settings.storage.directory):
        print(
            f"Run {begun.id} is queued, and the running bot takes it up. `jokebot runs {begun.id}` shows its progress."
        )
        return 0
    code = await work(settings, begun.id, partial(print, flush=True))
    await say_what_is_next(settings, begun.id)
    return code


async def left_behind(database: "Database", arguments: argparse.Namespace) -> "Run | None":
    """The unfinished run to continue. Raises BusyError if it is on trial, or if another dataset was requested."""
    from storage.learning import runs

    current = await runs.current_run(database)
    if current and (current.state == "canary" or arguments.dataset):
        raise runs.RunInProgress(current)
    if current:
        print(f"Run {current.id} stopped in {current.state} and continues from there.")
    return current


async def queue(database: "Database", arguments: argparse.Namespace, settings: Settings) -> "Run | None":
    """A new run, or None if the user declines. Raises JokebotError for an unusable dataset."""
    from configs.blocklist import BlockList
    from storage.learning import datasets, runs
    from trainer.dataset.preview import preview_retraining

    name = None
    if arguments.dataset:
        name = arguments.dataset.rstrip("/").rsplit("/", 1)[-1]
        name = (await datasets.get_dataset(database, name)).name
        question = f"Train a new model on the dataset {name[:12]}"
    else:
        found = await preview_retraining(database, settings.selection, BlockList.of(settings.guard))
        question = said(
            found, await runs.expected_seconds(database, found.new + found.replayed), settings.retrain.minimum_pairs
        )
    if not arguments.yes and not await asyncio.to_thread(agreed, question):
        return None
    return await runs.create_run(database, "command", dataset=name)


def said(found: "RetrainPreview", seconds: float | None, minimum: int) -> str:
    time = "" if seconds is None else f", about {max(1, round(seconds / 60))} min"
    few = f" (a run wants {minimum})" if found.new < minimum else ""
    return f"{found.new} new good pairs{few}, by the ratings of {found.people} people{time}. Make a new model"


def agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise JokebotError("There is no terminal to ask. `--yes` starts without asking.")
    return input(f"{question}? [y/N] ").strip().lower() in ("y", "yes")


async def say_what_is_next(settings: Settings, run_id: int) -> None:
    from storage.database import Database
    from storage.learning import runs

    async with Database.connect(settings.storage) as database:
        ended = await runs.get_run(database, run_id)
    if ended.state == "canary":
        print(
            f"Model {ended.candidate_id} goes on trial when the bot runs. "
            f"`jokebot models promote {ended.candidate_id}` deploys it at once."
        )
