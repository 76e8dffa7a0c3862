"""Takes a run from state to state, until its model waits for its trial or the run has ended."""
import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from configs.errors import JokebotError
from configs.settings import Settings
from storage import promotion, runs
from storage.database import Database
from storage.promotion import ChampionChanged, SawForgotten
from storage.reasons import Reason
from storage.runs import MovedError, Run
from trainer.pipeline import keeping
from trainer.pipeline.child import Children, KilledError
from trainer.pipeline.job import CancelledRun, Forgotten, Job, Stopped
from trainer.pipeline.place import Place, held

log = logging.getLogger(__name__)

Step = Callable[[Job, Run], Awaitable[Run]]


@dataclass(frozen=True)
class PipelineSteps:
    """The step for each state of a run, and `restart` for a run whose training data was erased."""

    by_state: Mapping[str, Step]
    restart: Step


async def drive(settings: Settings, run_id: int, steps: PipelineSteps, report: Callable[[Run], None] = lambda run: None) -> Run:
    """Work on a run until the bot takes over or it is finished; `report` is called in each state. Returns the row of that moment.

    A cancellation stops the current step cleanly and leaves the run in its state, to be resumed. Raises PlaceInUse where another
    process works on a run, RunError for an unknown run, Stopped where the step's process was asked to end from outside.
    """
    # A step that a killed process has left behind may still be writing its checkpoint.
    async with held(settings.storage.runs, wait_s=settings.retrain.stop_grace_s) as descriptor, Database.of(settings.storage) as database:
        run = await runs.find(database, run_id)
        job = Job(database, settings, Place.of(run.id, settings.storage), Children(descriptor, settings.retrain.stop_grace_s, settings.retrain.nice))
        while run.state in steps.by_state:
            report(run)
            run = await step(job, run, steps)
        report(run)
        await keeping.tidy(database, settings)
        return run


async def step(job: Job, run: Run, steps: PipelineSteps) -> Run:
    """Do the step of a run's state and return the run in its next state; in the same state where the step was killed."""
    try:
        run = await runs.count_attempt(job.database, run)
        if run.attempts > job.settings.retrain.attempts:
            return await end(job, run, "failed", too_often(run))
        return await steps.by_state[run.state](job, run)
    except (asyncio.CancelledError, Stopped):
        with contextlib.suppress(MovedError):
            await asyncio.shield(runs.count_attempt(job.database, run, -1))
        raise
    except CancelledRun:
        return await end(job, run, "cancelled", Reason("It was cancelled.", "cancelled"))
    except (Forgotten, SawForgotten):
        return await steps.restart(job, run)
    except (MovedError, ChampionChanged) as error:
        log.warning("run %d is read again: %s", run.id, error)
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
    """The end reason of a run whose step used up its attempts; the run's own reason says what ended the last one."""
    times, last = run.attempts - 1, run.why
    return Reason(f"Its step {run.state} was begun {times} times and never came to its end. {last.text}".rstrip(), "attempts",
                  {"step": run.state, "times": times, "signal": last.values.get("signal", "none")})


async def end(job: Job, run: Run, to: str, reason: Reason | JokebotError) -> Run:
    try:
        return await promotion.end_run(job.database, run, to, reason)
    except MovedError:
        return await runs.find(job.database, run.id)
