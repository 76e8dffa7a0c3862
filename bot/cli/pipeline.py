"""`jokebot pipeline`: the process that works on a run.

The bot starts it; `jokebot retrain` does the same in a terminal.
"""

import argparse
import asyncio
import logging
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.runtime.logging_setup import configure_logging, report_error
from configs.log_context import about
from configs.settings import Settings

if TYPE_CHECKING:
    from storage.learning.runs import Run

log = logging.getLogger("jokebot")

HELP = "execute a run up to its trial (the bot starts this by itself)"
ENVIRONMENT = "train"
DONE, FAILED, BUSY, STOPPED = 0, 1, 75, 143


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=int, metavar="RUN", help="number of the run")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """0 where the run waits for its trial or has ended in an answer, 1 where it has failed, 75 where another process
    is at it, 143 where this one was stopped and the run is to be gone on with."""
    from trainer.dataset.token_budget import count_without_torch

    count_without_torch()
    configure_logging(settings)
    return asyncio.run(work(settings, arguments.run, log.info))


async def work(settings: Settings, run_id: int, say: Callable[[str], object]) -> int:
    """Drive a run; SIGTERM and Ctrl-C stop it cleanly. All that is logged meanwhile is about the run."""
    from trainer.pipeline.run_context import StepInterrupted
    from trainer.pipeline.runner import run_pipeline
    from trainer.pipeline.steps.all_steps import ALL_STEPS
    from trainer.pipeline.workspace import WorkspaceLocked

    with about(run=run_id):
        task = asyncio.create_task(run_pipeline(settings, run_id, ALL_STEPS, lambda run: say(state_of(run))))
    stop_once(task)
    try:
        ended = await task
    except WorkspaceLocked as error:
        report_error(error)
        return BUSY
    except (asyncio.CancelledError, StepInterrupted):
        say(f"run {run_id}: stopped; it goes on from here the next time")
        return STOPPED
    return FAILED if ended.state == "failed" else DONE


def stop_once(task: asyncio.Task) -> None:
    """The first SIGTERM or Ctrl-C cancels the task. Later ones are not listened to: the first is under way."""
    asked = False

    def stop() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def state_of(run: "Run") -> str:
    return f"run {run.id}: {run.state}{f': {run.reason}' if run.reason else ''}"
