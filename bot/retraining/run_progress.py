"""The progress of a run, from the files that its process writes, and the message that shows it."""

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bot.i18n.formatting import bar
from bot.i18n.localizer import Localizer
from storage.database import Database
from storage.learning import run_files, runs, trials
from storage.learning.run_files import GateProgress, TrainingProgress
from storage.learning.runs import STEPS, Run

COUNT_MESSAGES = {"training": "run-step", "judging": "run-answers", "canary": "run-ratings"}
"""The message with the counts, by state."""
PHASES = {
    "training": ("checking", "library", "model", "first", "saving"),
    "judging": ("loading", "comparing"),
    "canary": ("deciding",),
}
"""Phases that have a message of their own, by state."""
EVALUATED = ("candidate", "champion", "base")
"""The models that the gate evaluates, in order."""

FEW_MISSING = 60
"""Missing ratings from which on the message of a trial says what to do: more take days, and users rate anyway."""


@dataclass(frozen=True)
class RunProgress:
    """The progress of a step: `done` of `total` training steps, answers of the gate, or ratings of a trial.

    `total` is 0, and `loss` and `eta_s` are None, if they are unknown. `phase` names what is done before, between and
    after what is counted, "" while it is counted; `elapsed_s` is how long that has taken so far. `waiting`: another
    trial has to end first. A trial that has begun has a `total`.
    """

    done: int = 0
    total: int = 0
    loss: float | None = None
    eta_s: float | None = None
    waiting: bool = False
    phase: str = ""
    elapsed_s: float | None = None

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
    since_s = max(0.0, time.time() - float(progress.get("updated", time.time())))
    eta = progress.get("eta_s")
    if eta is not None:
        eta = max(0.0, float(eta) - since_s)
    done, total = int(progress.get("step", 0)), int(progress.get("steps", 0))
    phase = str(progress.get("phase", ""))
    if total and done >= total:
        phase = "saving"
    elif total and not done and progress.get("state") == "running":
        phase = "first"
    return RunProgress(done, total, progress.get("loss"), eta, phase=phase, elapsed_s=since_s if phase else None)


def _judging(progress: GateProgress) -> RunProgress:
    """The models are evaluated one after another; between two of them the next one is loaded."""
    done, total, models = int(progress["done"]), int(progress["of"]), int(progress.get("models", 2))
    before = min(EVALUATED.index(progress["step"]), models - 1)
    phase = "" if done < total else "comparing" if before == models - 1 else "loading"
    since_s = max(0.0, time.time() - float(progress.get("updated", time.time())))
    return RunProgress(done + total * before, models * total, phase=phase, elapsed_s=since_s if phase else None)


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
        if run.state == "canary":
            return await self._trial(run)
        progress = await asyncio.to_thread(read_progress, run, self.run_folder(run))
        if progress.total or progress.elapsed_s is not None:
            return progress
        entered = [at for state, at in await runs.list_states(self._database, run.id) if state == run.state]
        return replace(progress, elapsed_s=max(0.0, time.time() - entered[-1]) if entered else None)

    async def _trial(self, run: Run) -> RunProgress:
        trial = await trials.get_trial_of_run(self._database, run.id)
        if trial is None:
            return RunProgress(waiting=await trials.get_open_trial(self._database) is not None)
        ratings = await trials.count_trial_ratings(self._database, trial)
        return RunProgress(ratings, self._trial_ratings, phase="deciding" if ratings >= self._trial_ratings else "")


def describe_progress(run: Run, progress: RunProgress, localize: Localizer) -> tuple[str, str]:
    """What is counted ("" where nothing is), and what is done now or the time that is left."""
    counted, note = "", ""
    if progress.total and run.state in COUNT_MESSAGES and (progress.loss is not None or run.state != "training"):
        counted = localize(
            COUNT_MESSAGES[run.state], done=progress.done, of=progress.total, loss=f"{progress.loss or 0.0:.3g}"
        )
        if not progress.phase and progress.eta_s:
            note = localize("run-left", time=localize.duration(progress.eta_s))
        if run.state == "canary" and 0 < progress.total - progress.done <= FEW_MISSING:
            note = localize("run-missing", missing=progress.total - progress.done)
    if progress.phase or not counted:
        doing = f"run-{'waiting' if progress.waiting else 'doing'}-{run.state}"
        note = localize(f"{doing}-{progress.phase}" if progress.phase in PHASES.get(run.state, ()) else doing)
        note = " · ".join(part for part in (note, localize.elapsed(progress.elapsed_s or 0.0)) if part)
    return counted, note


def format_progress(run: Run, progress: RunProgress, localize: Localizer) -> str:
    """The message: the step, its progress, the loss, and what is done now or the remaining time."""
    lines = [localize("run-title", run=run.id, what=localize(f"run-state-{run.state}"))]
    if run.state in STEPS:
        lines[0] += f" ({STEPS.index(run.state) + 1}/{len(STEPS)})"
    if run.cancel_at and not run.finished:
        return "\n".join([lines[0], localize("run-stopping")])
    if not run.finished:
        counted, note = describe_progress(run, progress, localize)
        if counted:
            lines += [f"{bar(progress.share)} {round(100 * progress.share)}%", counted]
        lines += [note] if note else []
    return "\n".join(lines)
