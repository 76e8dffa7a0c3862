"""Drives a run from state to state, up to canary or its end, whoever began it and wherever it was left."""
import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable

from configs.errors import JokebotError
from configs.settings import Settings
from storage import promotion, runs
from storage.database import Database
from storage.promotion import ChampionChanged, SawForgotten
from storage.reasons import Reason
from storage.runs import MovedError, Run
from trainer.pipeline import exporting, judging, keeping, training
from trainer.pipeline.child import Children, KilledError
from trainer.pipeline.job import CancelledRun, Forgotten, Job, Stopped
from trainer.pipeline.place import Place, held

log = logging.getLogger(__name__)

Step = Callable[[Job, Run], Awaitable[Run]]
STEPS: dict[str, Step] = {"queued": exporting.begin, "exporting": exporting.export, "training": training.train, "merging": training.merge,
                          "judging": judging.judge}


async def drive(settings: Settings, run_id: int, tell: Callable[[Run], None] = lambda run: None) -> Run:
    """Work on a run until it is the bot's or finished; `tell` is called in each state. Returns the row as it is then.

    A cancellation stops the step in work cleanly and leaves the run where it is, to be gone on with. Raises PlaceInUse where another
    process is at it, RunError where there is no such run, Stopped where somebody else ended the step's process.
    """
    # A child that a killed process has left may be writing its checkpoint.
    async with held(settings.storage.runs, wait_s=settings.retrain.stop_grace_s) as descriptor, Database.of(settings.storage) as database:
        run = await runs.find(database, run_id)
        job = Job(database, settings, Place.of(run.id, settings.storage), Children(descriptor, settings.retrain.stop_grace_s, settings.retrain.nice))
        while run.state in STEPS:
            tell(run)
            run = await step(job, run)
        tell(run)
        await keeping.tidy(database, settings)
        return run


async def step(job: Job, run: Run) -> Run:
    """Do what a run's state asks for, to the next state; the same state again where a kill came between."""
    try:
        run = await runs.count_attempt(job.database, run)
        if run.attempts > job.settings.retrain.attempts:
            return await end(job, run, "failed", too_often(run))
        return await STEPS[run.state](job, run)
    except (asyncio.CancelledError, Stopped):
        with contextlib.suppress(MovedError):
            await asyncio.shield(runs.count_attempt(job.database, run, -1))
        raise
    except CancelledRun:
        return await end(job, run, "cancelled", Reason("It was cancelled.", "cancelled"))
    except (Forgotten, SawForgotten):
        return await exporting.begin_again(job, run)
    except (MovedError, ChampionChanged) as error:
        log.warning("run %d is looked at again: %s", run.id, error)
        return await runs.find(job.database, run.id)
    except KilledError as error:
        log.warning("run %d is still %s: %s", run.id, run.state, error)
        return await runs.remember(job.database, run, error)
    except sqlite3.Error:
        raise
    except JokebotError as error:
        return await end(job, run, "failed", error)
    except Exception as error:
        log.exception("run %d has failed", run.id)
        what = f"{type(error).__name__}: {error}"
        return await end(job, run, "failed", Reason(f"A defect ended it: {what}.", "defect", {"what": what}))


def too_often(run: Run) -> Reason:
    """Why a run ends whose step was begun again and again; the reason that it has so far is what ended the last attempt."""
    times, last = run.attempts - 1, run.why
    return Reason(f"Its step {run.state} was begun {times} times and never came to its end. {last.text}".rstrip(), "attempts",
                  {"step": run.state, "times": times, "signal": last.values.get("signal", "none")})


async def end(job: Job, run: Run, to: str, reason: Reason | JokebotError) -> Run:
    try:
        return await promotion.end_run(job.database, run, to, reason)
    except MovedError:
        return await runs.find(job.database, run.id)
