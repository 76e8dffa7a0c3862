"""Executes a run's steps until its model waits for the trial or the run has ended."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from configs.errors import JokebotError
from configs.settings import Settings
from storage.database import Database
from storage.learning import promotion, runs
from storage.learning.promotion import ChampionChanged
from storage.learning.reasons import EndReason
from storage.learning.runs import Run, RunStateChanged
from storage.learning.tainted_models import ModelTainted
from trainer.pipeline import cleanup
from trainer.pipeline.run_context import RunCancelled, RunContext, StepInterrupted, TrainingDataErased
from trainer.pipeline.step_process import StepKilled, StepProcesses
from trainer.pipeline.workspace import RunWorkspace, run_lock

log = logging.getLogger(__name__)

Step = Callable[[RunContext, Run], Awaitable[Run]]


@dataclass(frozen=True)
class PipelineSteps:
    """The step for each state of a run, and `restart` for a run whose training data was erased."""

    by_state: Mapping[str, Step]
    restart: Step


async def run_pipeline(
    settings: Settings, run_id: int, steps: PipelineSteps, report: Callable[[Run], object] = lambda run: None
) -> Run:
    """Execute a run until it is in canary or finished, and return its row; `report` is called in each state.

    A cancelled task stops the current step cleanly and leaves the run in its state, so that it can be resumed. Raises
    WorkspaceLocked if another process executes a run, RunError for an unknown run, StepInterrupted if the step's
    process was stopped from outside.
    """
    # An orphaned step of a killed process may still be writing its checkpoint.
    async with (
        run_lock(settings.storage.runs, wait_s=settings.retrain.stop_grace_s) as descriptor,
        Database.connect(settings.storage) as database,
    ):
        run = await runs.get_run(database, run_id)
        context = RunContext(
            database,
            settings,
            RunWorkspace.of_run(run.id, settings.storage),
            StepProcesses(descriptor, settings.retrain.stop_grace_s, settings.retrain.nice),
        )
        while run.state in steps.by_state:
            report(run)
            run = await run_step(context, run, steps)
        report(run)
        await cleanup.clean_up(database, settings)
        return run


async def run_step(context: RunContext, run: Run, steps: PipelineSteps) -> Run:
    """Execute the step of a run's state and return the run in its new state; in the same one if the step was killed."""
    try:
        run = await runs.count_attempt(context.database, run)
        if run.attempts > context.settings.retrain.max_step_attempts:
            return await end_run(context, run, "failed", attempts_used_up(run))
        return await steps.by_state[run.state](context, run)
    except (asyncio.CancelledError, StepInterrupted):
        with contextlib.suppress(RunStateChanged):
            await asyncio.shield(runs.count_attempt(context.database, run, -1))
        raise
    except RunCancelled:
        return await end_run(context, run, "cancelled", EndReason("It was cancelled.", "cancelled"))
    except (TrainingDataErased, ModelTainted):
        return await steps.restart(context, run)
    except (RunStateChanged, ChampionChanged) as error:
        log.warning("the state of run %d changed: %s", run.id, error)
        return await runs.get_run(context.database, run.id)
    except StepKilled as error:
        log.warning("run %d is still %s: %s", run.id, run.state, error)
        return await runs.record_reason(context.database, run, error)
    except sqlite3.Error:
        raise
    except JokebotError as error:
        return await end_run(context, run, "failed", error)
    except Exception as error:
        log.exception("run %d has failed", run.id)
        what = f"{type(error).__name__}: {error}"
        return await end_run(context, run, "failed", EndReason(f"A defect ended it: {what}.", "defect", {"what": what}))


def attempts_used_up(run: Run) -> EndReason:
    """The end reason of a run whose step used up its attempts, with the reason of the last attempt."""
    times, last = run.attempts - 1, run.why
    if last.code == "launcher":
        return EndReason(last.text, last.code, last.values)
    return EndReason(
        f"Its step {run.state} was begun {times} times and never came to its end. {last.text}".rstrip(),
        "attempts",
        {"step": run.state, "times": times, "signal": last.values.get("signal", "none")},
    )


async def end_run(context: RunContext, run: Run, to: str, reason: EndReason | JokebotError) -> Run:
    try:
        return await promotion.end_run(context.database, run, to, reason)
    except RunStateChanged:
        return await runs.get_run(context.database, run.id)
