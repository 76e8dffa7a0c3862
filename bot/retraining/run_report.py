"""The outcome of a run for an admin: a short text, and a picture after the gate."""

import asyncio
import dataclasses
from typing import Any

from bot.charts.render import draw_picture
from bot.i18n.localizer import Localizer
from bot.i18n.reasons import gate_reason_texts, reason_text
from bot.retraining.evaluation_summary import EvaluationSummary, count_training_rows, pairs_of
from bot.retraining.run_progress import read_losses
from configs.settings import Settings
from storage.database import Database
from storage.learning import runs, trials
from storage.learning.runs import Run
from storage.learning.trials import TrialRecord

TOLD_WITH_REASON = ("trial-quiet", "trial-futile")
"""Reasons of trials that their likings don't explain."""
OUTCOMES = {"canary": "open", "promoted": "good", "rejected": "bad", "undecided": "open"}


def has_picture(run: Run) -> bool:
    """Whether the run has the gate's measures and an outcome; cancelled and failed runs have none."""
    return run.state in OUTCOMES and bool(run.judged.get("measures"))


class RunReport:
    """The report of one run, in the language of `localizer`."""

    def __init__(self, database: Database, settings: Settings, run: Run, localizer: Localizer) -> None:
        self._database, self._settings, self._run, self._localizer = database, settings, run, localizer

    async def text(self) -> str:
        """The outcome and its reasons, then what an admin can do."""
        run = self._run
        lines = [self._localize(f"run-ended-{run.state}" if run.finished else "run-judged-canary")]
        lines += await self._reasons()
        if run.state == "undecided" and run.candidate_id:
            lines.append(self._localize("run-keep"))
        if run.state == "promoted":
            lines.append(self._localize("run-back"))
        return "\n".join(lines)

    async def _reasons(self) -> list[str]:
        """The trial's result if there was one, else the run's reasons: the gate's or its own."""
        trial, reason = await trials.get_trial_of_run(self._database, self._run.id), self._run.why
        liking = EvaluationSummary(self._localizer).liking(trial)
        if liking and reason.code not in TOLD_WITH_REASON and self._run.state in ("promoted", "rejected", "undecided"):
            return [self._localize("run-liking", old=liking.old, new=liking.new, ratings=liking.ratings)]
        if reason.code == "gate":
            return gate_reason_texts(self._localizer.translator, self._localizer.language, reason)
        return [reason_text(self._localizer.translator, self._localizer.language, reason)] if reason.text else []

    async def picture(self, *, light: bool = False) -> bytes | None:
        """The picture, a PNG, dark or light; None for a run without one. Raises RenderError if it can't be drawn."""
        verdict = self._run.judged
        if not has_picture(self._run):
            return None
        trial = await trials.get_trial_of_run(self._database, self._run.id)
        card = await asyncio.to_thread(self._card, verdict, trial, await self._judging_seconds())
        return await draw_picture("run", {**card, "light": light}, self._settings.storage.directory)

    async def _judging_seconds(self) -> float | None:
        """The seconds from the run's creation to the gate's verdict; None before the verdict."""
        times = await runs.list_states(self._database, self._run.id)
        judged = [at for (state, _), (_, at) in zip(times, times[1:], strict=False) if state == "judging"]
        return judged[-1] - self._run.created_at if judged else None

    def _card(self, verdict: dict[str, Any], trial: TrialRecord | None, seconds: float | None) -> dict[str, Any]:
        """The picture's content for `bot/charts/run_card.py`, as JSON."""
        dataset = self._settings.storage.datasets / (self._run.dataset or "-")
        took = "none" if seconds is None else self._localizer.duration(seconds)
        summary = EvaluationSummary(self._localizer, self._settings.gate)
        liking = summary.liking(trial)
        figures = {"old": liking.old, "new": liking.new} if liking else {"old": 0, "new": 0}
        return {
            "title": self._localize(f"card-title-{self._run.state}", known="yes" if liking else "no", **figures),
            "outcome": OUTCOMES[self._run.state],
            "subtitle": self._localize("card-subtitle", rows=count_training_rows(dataset), time=took),
            "words": {
                name: self._localize(f"card-{name}")
                for name in ("loss", "steps", "measures", "direction", "before", "after", "photos")
            },
            "losses": read_losses(self._settings.storage.runs / str(self._run.id)),
            "measures": [dataclasses.asdict(row) for row in summary.rows(verdict, trial)],
            "pairs": pairs_of(verdict, dataset),
        }

    def _localize(self, name: str, **values: Any) -> str:
        return self._localizer(name, run=self._run.id, model=self._run.candidate_id or 0, **values)
