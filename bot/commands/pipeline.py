"""`jokebot pipeline`: the process that works on a run. The bot starts it; `jokebot retrain` does the same in a terminal."""
import argparse
import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING

from configs.settings import Settings

if TYPE_CHECKING:
    from storage.runs import Run

HELP = "work on a run until its model waits for its trial (the bot starts this by itself)"
ENVIRONMENT = "train"
DONE, FAILED, BUSY, STOPPED = 0, 1, 75, 143


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=int, metavar="RUN", help="its number")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """0 where the run waits for its trial or has ended in an answer, 1 where it has failed, 75 where another process is at it,
    143 where this one was stopped and the run is to be gone on with."""
    from trainer.dataset.session import count_without_torch
    count_without_torch()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    return asyncio.run(work(settings, arguments.run))


async def work(settings: Settings, run_id: int) -> int:
    """Drive a run; SIGTERM and Ctrl-C stop it cleanly."""
    from trainer.pipeline.drive import drive
    from trainer.pipeline.job import Stopped
    from trainer.pipeline.place import PlaceInUse
    task = asyncio.create_task(drive(settings, run_id, say))
    stop_once(task)
    try:
        ended = await task
    except PlaceInUse as error:
        print(f"jokebot: {error}", file=sys.stderr)
        return BUSY
    except (asyncio.CancelledError, Stopped):
        print(f"run {run_id}: stopped; it goes on from here the next time", flush=True)
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


def say(run: "Run") -> None:
    print(f"run {run.id}: {run.state}{f': {run.reason}' if run.reason else ''}", flush=True)
