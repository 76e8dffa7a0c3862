"""The progress of a run, from the files that its process writes, and the message that shows it."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from bot.i18n.formatting import bar
from bot.i18n.localizer import Localizer
from storage.database import Database
from storage.learning import run_files, trials
from storage.learning.run_files import GateProgress, TrainingProgress
from storage.learning.runs import STEPS, Run

COUNT_MESSAGES = {"training": "run-step", "judging": "run-answers", "canary": "run-ratings"}
"""The message with the counts, by state."""

FEW_MISSING = 60
"""Missing ratings from which on the message of a trial says what to do: more take days, and users rate anyway."""


@dataclass(frozen=True)
class RunProgress:
    """The progress of a step: `done` of `total` training steps, answers of the gate, or ratings of a trial.

    `total` is 0, and `loss` and `eta_s` are None, if they are unknown. `waiting`: another trial has to end first.
    A trial that has begun has a `total`.
    """

    done: int = 0
    total: int = 0
    loss: float | None = None
    eta_s: float | None = None
    waiting: bool = False

    @property
    def share(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0


def read_progress(run: Run, folder: Path) -> RunProgress:
    """The progress that the run's process reports; an empty one before that, or if its file can't be read."""
    try:
        if run.state == "training":
            return _training(run_files.read_progress(folder))
        if run.state == "judging" and (progress := run_files.read_gate_progress(folder)):
            return _judging(progress)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return RunProgress()


def _training(progress: TrainingProgress) -> RunProgress:
    eta = progress.get("eta_s")
    if eta is not None:
        eta = max(0.0, float(eta) - max(0.0, time.time() - float(progress.get("updated", time.time()))))
    return RunProgress(int(progress.get("step", 0)), int(progress.get("steps", 0)), progress.get("loss"), eta)


def _judging(progress: GateProgress) -> RunProgress:
    """The candidate is evaluated first, then the champion: two halves."""
    done, total = int(progress["done"]), int(progress["of"])
    return RunProgress(done + total * (progress["step"] == "champion"), 2 * total)


def read_losses(folder: Path) -> list[float]:
    """The loss of each step, in order; empty if there is none or the file can't be read."""
    try:
        return [step["loss"] for step in run_files.read_training_steps(folder)]
    except OSError:
        return []


class RunProgressReader:
    """Reads the progress of runs. `folder` has a folder for each run; a trial ends after `trial_ratings` ratings."""

    def __init__(self, database: Database, folder: Path, trial_ratings: int) -> None:
        self._database, self._folder, self._trial_ratings = database, folder, trial_ratings

    def run_folder(self, run: Run) -> Path:
        """The folder into which the run's process writes."""
        return self._folder / str(run.id)

    async def read(self, run: Run) -> RunProgress:
        """A run's progress: the step of its process, or the ratings of its trial."""
        if run.state != "canary":
            return await asyncio.to_thread(read_progress, run, self.run_folder(run))
        trial = await trials.get_trial_of_run(self._database, run.id)
        if trial is None:
            return RunProgress(waiting=await trials.get_open_trial(self._database) is not None)
        return RunProgress(await trials.count_trial_ratings(self._database, trial), self._trial_ratings)


def format_progress(run: Run, progress: RunProgress, localize: Localizer) -> str:
    """The message: the step, its progress, the loss, and the remaining time."""
    lines = [localize("run-title", run=run.id, what=localize(f"run-state-{run.state}"))]
    if run.state in STEPS:
        lines[0] += f" ({STEPS.index(run.state) + 1}/{len(STEPS)})"
    if run.cancel_at and not run.finished:
        return "\n".join([lines[0], localize("run-stopping")])
    if progress.total and run.state in COUNT_MESSAGES and (progress.loss is not None or run.state != "training"):
        lines.append(f"{bar(progress.share)} {round(100 * progress.share)}%")
        lines.append(
            localize(
                COUNT_MESSAGES[run.state], done=progress.done, of=progress.total, loss=f"{progress.loss or 0.0:.3g}"
            )
        )
        if run.state == "canary" and 0 < progress.total - progress.done <= FEW_MISSING:
            lines.append(localize("run-missing", missing=progress.total - progress.done))
        if progress.eta_s is not None:
            lines.append(localize("run-left", time=localize.duration(progress.eta_s)))
    elif not run.finished:
        lines.append(localize(f"run-{'waiting' if progress.waiting else 'doing'}-{run.state}"))
    return "\n".join(lines)
