"""What came of a run, for an admin: a few words, and the picture once the gate has spoken."""

import asyncio
import dataclasses
from typing import Any

from bot.charts.render import draw
from bot.i18n.localizer import Localizer
from bot.i18n.reasons import gate_reason_texts, reason_text
from bot.retraining.evaluation_summary import EvaluationSummary, pairs_of, rows
from bot.retraining.run_progress import read_losses
from configs.settings import Settings
from storage.database import Database
from storage.learning import runs, trials
from storage.learning.runs import Run
from storage.learning.trials import TrialRecord

OUTCOMES = {"canary": "open", "promoted": "good", "rejected": "bad", "undecided": "open"}


def has_picture(run: Run) -> bool:
    """Whether the gate has measured something and something came of it; a run that was cancelled or failed has no
    outcome to show.
    """
    return run.state in OUTCOMES and bool(run.judged.get("measures"))


class RunReport:
    """One run's, in the language of `localizer`."""

    def __init__(self, database: Database, settings: Settings, run: Run, localizer: Localizer) -> None:
        self._database, self._settings, self._run, self._localizer = database, settings, run, localizer

    async def text(self) -> str:
        """What came of it, and why; at its end, what an admin can do about it."""
        run = self._run
        lines = [self._say(f"run-ended-{run.state}" if run.finished else "run-judged-canary")]
        lines += await self._why()
        if run.state == "undecided" and run.candidate_id:
            lines.append(self._say("run-keep"))
        if run.state == "promoted":
            lines.append(self._say("run-back"))
        return "\n".join(lines)

    async def _why(self) -> list[str]:
        """The trial's figures where there was one, else what the run says: the gate's reasons, or its own."""
        trial = await trials.trial_of_run(self._database, self._run.id)
        liking = EvaluationSummary(self._localizer).liking(trial)
        if liking and self._run.state in ("promoted", "rejected", "undecided"):
            return [self._say("run-liking", old=liking.old, new=liking.new, ratings=liking.ratings)]
        why = self._run.why
        if why.code == "gate":
            return gate_reason_texts(self._localizer.translator, self._localizer.language, why)
        return [reason_text(self._localizer.translator, self._localizer.language, why)] if why.text else []

    async def picture(self) -> bytes | None:
        """The picture, a PNG; None where there is none to draw. Raises RenderError where it can't be drawn."""
        verdict = self._run.judged
        if not has_picture(self._run):
            return None
        trial = await trials.trial_of_run(self._database, self._run.id)
        card = await asyncio.to_thread(self._card, verdict, trial, await self._seconds())
        return await draw("run", card, self._settings.storage.directory)

    async def _seconds(self) -> float | None:
        """How long the run's process took, from queued to the gate's verdict."""
        times = await runs.timeline(self._database, self._run.id)
        judged = [at for (state, _), (_, at) in zip(times, times[1:], strict=False) if state == "judging"]
        return judged[-1] - self._run.created_at if judged else None

    def _card(self, verdict: dict[str, Any], trial: TrialRecord | None, seconds: float | None) -> dict[str, Any]:
        """What `bot/charts/run_card.py` draws, as JSON."""
        dataset = self._settings.storage.datasets / (self._run.dataset or "-")
        took = "none" if seconds is None else self._localizer.duration(seconds)
        measured = EvaluationSummary(self._localizer, self._settings.gate)
        return {
            "title": self._say(f"card-title-{self._run.state}"),
            "outcome": OUTCOMES[self._run.state],
            "subtitle": self._say("card-subtitle", rows=rows(dataset), time=took),
            "words": {
                name: self._say(f"card-{name}") for name in ("loss", "steps", "measures", "before", "after", "photos")
            },
            "losses": read_losses(self._settings.storage.runs / str(self._run.id)),
            "measures": [dataclasses.asdict(one) for one in measured.all(verdict, trial)],
            "pairs": pairs_of(verdict, dataset),
        }

    def _say(self, name: str, **values: Any) -> str:
        return self._localizer(name, run=self._run.id, model=self._run.candidate_id or 0, **values)
