"""Runs the training step of a run on another machine, by the command in `training.launcher`.

The command is a child process like any other step's: SIGTERM must make it stop the training with a checkpoint, and its
exit codes are those of `trainer.xtuner.entry`. What happened to the training is in the run's progress.json, so any
other ending is the launcher's own failure: no connection, no free machine. Such a run waits and starts the step again.
"""

import asyncio
import shlex
import sys
from dataclasses import dataclass
from typing import Any

from configs.launcher import fill_launcher
from configs.settings import ROOT
from storage.learning.run_files import read_progress
from storage.learning.runs import Run
from trainer.pipeline.run_context import RunContext
from trainer.pipeline.step_process import POLL_INTERVAL_S, StepFailed, StepKilled
from trainer.xtuner.plan import TrainingPlan

RETRY_DELAYS_S = (5, 60, 300)
"""Seconds before the second, third and later attempts after a launcher's failure."""


@dataclass(frozen=True)
class TrainingLauncher:
    """Starts the training of a plan by the command `template`, in the program's folder."""

    template: str

    def command(self, plan: TrainingPlan) -> list[str]:
        """The command for a plan, with absolute paths."""
        training = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "trainer.xtuner.entry", *plan.arguments]
        return fill_launcher(
            self.template,
            {
                "run": str(plan.out),
                "dataset": str(plan.dataset),
                "base": str(plan.base),
                "command": shlex.join(training),
            },
        )

    async def run(self, context: RunContext, run: Run, plan: TrainingPlan) -> None:
        """Run the command to its end.

        Raises StepKilled for a failure of the launcher, StepFailed for one of the training, and the exceptions of
        `RunContext.run_command`.
        """
        before = read_progress(plan.out).get("updated")
        try:
            await context.run_command(run, "training", self.command(plan), ROOT)
        except StepFailed as error:
            progress = read_progress(plan.out)
            if progress.get("state") == "failed" and progress.get("updated") != before:
                raise
            await self.wait_and_retry(context, run, error.values.get("what", str(error)), error)
        if not context.workspace.adapter.exists():
            await self.wait_and_retry(context, run, f"it ended without an adapter in {plan.out}", None)

    async def wait_and_retry(self, context: RunContext, run: Run, what: Any, cause: Exception | None) -> None:
        """Raises StepKilled after a pause, and the exceptions of `RunContext.check` during it."""
        if run.attempts < context.settings.retrain.max_step_attempts:
            delay = RETRY_DELAYS_S[min(run.attempts, len(RETRY_DELAYS_S)) - 1]
            for _ in range(round(delay / POLL_INTERVAL_S)):
                await context.check(run)
                await asyncio.sleep(POLL_INTERVAL_S)
        raise StepKilled(f"The launcher of the training failed: {what}", code="launcher", what=what) from cause
