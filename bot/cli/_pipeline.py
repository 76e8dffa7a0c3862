"""`jokebot _pipeline RUN`: the process that executes a run, started by the bot."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
    """Return 0 if the run waits for its trial or has an outcome, else a code of `execute_run`."""
    from trainer.dataset.token_budget import count_without_torch

    count_without_torch()
    configure_logging(settings)
    return asyncio.run(execute_run(settings, arguments.run, log.info))


async def execute_run(settings: Settings, run_id: int, report: Callable[[str], object]) -> int:
    """Execute a run until its trial or its end; SIGTERM and Ctrl-C stop it after a checkpoint.

    Returns 0 when done, 1 if the run failed, 75 if another process executes it, 143 if it was stopped and can resume.
    `report` gets a line for each change of state. Log lines carry the run's number.
    """
    from trainer.pipeline.run_context import StepInterrupted
    from trainer.pipeline.runner import run_pipeline
    from trainer.pipeline.steps.all_steps import ALL_STEPS
    from trainer.pipeline.workspace import WorkspaceLocked

    with about(run=run_id):
        task = asyncio.create_task(run_pipeline(settings, run_id, ALL_STEPS, lambda run: report(format_state(run))))
    cancel_on_signal(task)
    try:
        ended = await task
    except WorkspaceLocked as error:
        report_error(error)
        return BUSY
    except (asyncio.CancelledError, StepInterrupted):
        report(f"run {run_id}: stopped; the next start resumes it")
        return STOPPED
    return FAILED if ended.state == "failed" else DONE


def cancel_on_signal(task: asyncio.Task[Any]) -> None:
    """Cancel the task on the first SIGTERM or Ctrl-C; further signals are ignored while it stops."""
    cancelled = False

    def cancel_once() -> None:
        nonlocal cancelled
        if not cancelled:
            cancelled = True
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, cancel_once)


def format_state(run: "Run") -> str:
    return f"run {run.id}: {run.state}{f': {run.reason}' if run.reason else ''}"
