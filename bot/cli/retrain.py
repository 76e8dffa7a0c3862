"""`jokebot retrain`: train a new model now, cancel the current run, or preview the training data."""

import argparse
import asyncio
import dataclasses
import logging
import sys
from functools import partial
from pathlib import Path
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
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--cancel", action="store_true", help="cancel the current run instead; the model in service stays"
    )
    modes.add_argument("--dry-run", action="store_true", help="show what a run would learn from, and start none")
    parser.add_argument("--json", action="store_true", help="with --dry-run: print a JSON object")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 if the run is queued, waits for its trial or has an outcome, 1 if it failed, 143 if it was stopped.

    Raises JokebotError if the arguments contradict each other, or if the run can't be started or cancelled.
    """
    if arguments.json and not arguments.dry_run:
        raise JokebotError("`--json` needs `--dry-run`.")
    if arguments.dry_run and (arguments.dataset or arguments.yes):
        raise JokebotError("`--dry-run` previews users' ratings and starts no run: omit `--dataset` and `--yes`.")
    from trainer.dataset.token_budget import count_without_torch

    count_without_torch()
    if arguments.cancel:
        print(asyncio.run(cancel(settings)))
        return 0
    if arguments.dry_run:
        preview = asyncio.run(compute_preview(settings))
        print(preview.to_json() if arguments.json else format_preview(preview))
        return 0
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    return asyncio.run(retrain(arguments, settings))


async def compute_preview(settings: Settings) -> "RetrainPreview":
    """Select jokes as a run would, and estimate the training time. Writes only the holdout split of new photos."""
    from configs.blocklist import BlockList
    from storage.database import Database
    from storage.learning import models
    from trainer.dataset.preview import preview_retraining
    from trainer.pipeline.duration_estimate import estimate_duration

    async with Database.connect(settings.storage) as database:
        preview = await preview_retraining(database, settings.selection, BlockList.of(settings.safety))
        champion = await models.get_champion(database)
        directory = Path(champion.directory) if champion and champion.directory else settings.model.directory
        training = estimate_duration(preview.new + preview.replayed, directory, settings) if directory else None
        return dataclasses.replace(preview, training=dataclasses.asdict(training) if training else None)


def format_preview(preview: "RetrainPreview") -> str:
    return (
        f"{preview.new} new jokes that people liked ({preview.fresh} of them in no dataset so far) and "
        f"{preview.replayed} from before, by the ratings of {preview.people} people"
    )


async def cancel(settings: Settings) -> str:
    """Request the end of the current run; end it here if no process executes it. Raises RunError if there is none."""
    from storage.database import Database
    from storage.learning import promotion, runs
    from storage.learning.reasons import EndReason
    from storage.maintenance.data_folder import is_bot_running
    from trainer.pipeline import cleanup
    from trainer.pipeline.workspace import is_run_active, run_lock

    async with Database.connect(settings.storage) as database:
        current = await runs.current_run(database)
        if current is None:
            raise runs.RunError("There is no run under way.")
        await runs.request_cancel(database, current.id)
        if is_run_active(settings.storage.runs) or is_bot_running(settings.storage.directory):
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
    from bot.cli._pipeline import execute_run
    from storage.database import Database
    from storage.maintenance.data_folder import is_bot_running

    async with Database.connect(settings.storage) as database:
        run = await find_unfinished_run(database, arguments) or await queue_run(database, arguments, settings)
    if run is None:
        return 0
    if is_bot_running(settings.storage.directory):
        print(f"Run {run.id} is queued, and the running bot takes it up. `jokebot runs {run.id}` shows its progress.")
        return 0
    code = await execute_run(settings, run.id, partial(print, flush=True))
    await print_next_step(settings, run.id)
    return code


async def find_unfinished_run(database: "Database", arguments: argparse.Namespace) -> "Run | None":
    """The unfinished run to resume.

    Raises RunInProgress if that run is on trial, or if `--dataset` asks for another run.
    """
    from storage.learning import runs

    current = await runs.current_run(database)
    if current and (current.state == "canary" or arguments.dataset):
        raise runs.RunInProgress(current)
    if current:
        print(f"Run {current.id} stopped in {current.state} and continues from there.")
    return current


async def queue_run(database: "Database", arguments: argparse.Namespace, settings: Settings) -> "Run | None":
    """Queue a new run, or return None if the user declines. Raises JokebotError for an unusable dataset."""
    from configs.blocklist import BlockList
    from storage.learning import datasets, runs
    from trainer.dataset.preview import preview_retraining

    name = None
    if arguments.dataset:
        name = arguments.dataset.rstrip("/").rsplit("/", 1)[-1]
        name = (await datasets.get_dataset(database, name)).name
        question = f"Train a new model on the dataset {name[:12]}"
    else:
        preview = await preview_retraining(database, settings.selection, BlockList.of(settings.safety))
        seconds = await runs.expected_seconds(database, preview.new + preview.replayed)
        question = confirmation_question(preview, seconds, settings.retrain.min_pairs)
    if not arguments.yes and not await asyncio.to_thread(confirm, question):
        return None
    return await runs.create_run(database, "command", dataset=name)


def confirmation_question(preview: "RetrainPreview", seconds: float | None, minimum: int) -> str:
    duration = "" if seconds is None else f", about {max(1, round(seconds / 60))} min"
    too_few = f" (a run wants {minimum})" if preview.new < minimum else ""
    return (
        f"{preview.new} new good pairs{too_few}, by the ratings of {preview.people} people{duration}. Make a new model"
    )


def confirm(question: str) -> bool:
    """Ask a yes-or-no question in the terminal. Raises JokebotError if stdin is no terminal."""
    if not sys.stdin.isatty():
        raise JokebotError("There is no terminal to ask. `--yes` starts without asking.")
    return input(f"{question}? [y/N] ").strip().lower() in ("y", "yes")


async def print_next_step(settings: Settings, run_id: int) -> None:
    """Print how the candidate of a run gets into service, if the run waits for its trial."""
    from storage.database import Database
    from storage.learning import runs

    async with Database.connect(settings.storage) as database:
        ended = await runs.get_run(database, run_id)
    if ended.state == "canary":
        print(
            f"Model {ended.candidate_id} goes on trial when the bot runs. "
            f"`jokebot models promote {ended.candidate_id}` deploys it at once."
        )
