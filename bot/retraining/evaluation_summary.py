"""The measures of the gate and the trial as localized table rows, champion and candidate side by side."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.charts.measure import MetricRow
from bot.i18n.localizer import Localizer
from configs.learning import GateSettings
from storage.learning.run_files import gallery_of
from storage.learning.trials import TrialRecord


@dataclass(frozen=True)
class LikeRates:
    """The likings of the two models' jokes in a trial, in whole percents, and the number of all ratings."""

    old: int
    new: int
    ratings: int
    better: bool | None


class EvaluationSummary:
    """Reads a verdict's JSON. Measures that are missing, as in older verdicts, are left out."""

    def __init__(self, localize: Localizer, settings: GateSettings | None = None) -> None:
        self._localize, self._settings = localize, settings or GateSettings()

    def rows(self, verdict: dict[str, Any], trial: TrialRecord | None = None) -> list[MetricRow]:
        """A row for every measure, the users' ratings first."""
        measures, rows = verdict.get("measures", {}), []
        if liking := self.liking(trial):
            rows.append(
                MetricRow(
                    f"{self._localize('measure-liking')} ↑",
                    f"{liking.old}%",
                    f"{liking.new}%",
                    liking.better,
                    self._localize("measure-ratings", ratings=liking.ratings),
                )
            )
        rows += self._unchosen_row(trial)
        if (measure := measures.get("likelihood") or {}).get("champion") is not None:
            rows.append(self._likelihood_row(measure))
        codes = verdict.get("codes", [])
        for name, (formatted, arrow) in TEXT_MEASURES.items():
            measure, key = measures.get(name) or {}, f"measure-{name.replace('_', '-')}"
            if measure.get("champion") is not None:
                rows.append(
                    MetricRow(
                        f"{self._localize(key)} {arrow}".rstrip(),
                        formatted(measure["champion"]),
                        formatted(measure["candidate"]),
                        False if name in codes or name == "short" and "long" in codes else None,
                    )
                )
        if measure := measures.get("replies"):
            rows.append(self._failure_row(measure, codes))
        return rows

    def _likelihood_row(self, measure: dict[str, Any]) -> MetricRow:
        """The paired comparison over photos, in nats a token, with its interval; lower is better."""
        interval, photos, needed = measure.get("interval"), measure.get("photos", 0), self._settings.likelihood_photos
        old, new = (f"{measure[side]:.3f}" for side in ("champion", "candidate"))
        name = f"{self._localize('measure-likelihood')} ↓"
        if photos < needed:
            return MetricRow(name, old, new, None, self._localize("measure-few", photos=photos, needed=needed))
        if not interval:
            return MetricRow(name, old, new, None, self._localize("measure-photos", photos=photos))
        low, high = (f"{end:+.3f}".replace("-", "−") for end in interval)
        better = True if interval[1] < 0 else False if interval[0] > 0 else None
        note = self._localize("measure-interval", photos=photos, low=low, high=high)
        return MetricRow(name, old, new, better, note)

    def _unchosen_row(self, trial: TrialRecord | None) -> list[MetricRow]:
        """The likings of jokes that no judge chose, for comparison; none before both models have ratings of such."""
        sides = (json.loads(trial.measures) if trial else {}).get("unchosen") or {}
        if not (sides and all(side["ratings"] for side in sides.values())):
            return []
        old, new = (percent(sides[name]["likes"] / sides[name]["ratings"]) for name in ("champion", "candidate"))
        note = self._localize("measure-ratings", ratings=sum(side["ratings"] for side in sides.values()))
        return [MetricRow(f"{self._localize('measure-unchosen')} ↑", old, new, None, note)]

    def _failure_row(self, measure: dict[str, Any], codes: list[str]) -> MetricRow:
        """The replies that were empty, broken or in another language."""
        failed = {
            side: sum(measure[side].get(kind, 0) for kind in ("empty", "broken", "language"))
            for side in ("champion", "candidate")
        }
        texts = {
            side: self._localize("measure-of", count=failed[side], all=measure[side].get("replies", 0))
            for side in failed
        }
        return MetricRow(
            f"{self._localize('measure-replies')} ↓",
            texts["champion"],
            texts["candidate"],
            False if {"empty", "broken", "language"} & set(codes) else None,
        )

    def liking(self, trial: TrialRecord | None) -> LikeRates | None:
        """The likings in the trial so far; None before both models have ratings."""
        measures = json.loads(trial.measures) if trial else {}
        old, new = measures.get("champion") or {}, measures.get("candidate") or {}
        if not (old.get("ratings") and new.get("ratings")):
            return None
        better = {"better": True, "worse": False}.get(measures.get("reason", ""))
        return LikeRates(
            round(100 * old["likes"] / old["ratings"]),
            round(100 * new["likes"] / new["ratings"]),
            old["ratings"] + new["ratings"],
            better,
        )


def percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def one_digit(number: float) -> str:
    return f"{number:.1f}"


TEXT_MEASURES: dict[str, tuple[Callable[[float], str], str]] = {
    "variety": (one_digit, "↑"),
    "commonest_text": (percent, "↓"),
    "short": (one_digit, ""),
    "distinct": (percent, "↑"),
    "copying": (percent, "↓"),
}
"""The measures of the new jokes that are shown, each with its format and the direction that is better.

`short` is the mean length, which should stay the same.
"""


def pairs_of(verdict: dict[str, Any], dataset: Path) -> list[dict[str, str]]:
    """The gallery's photos as absolute paths with both jokes; those with different jokes come first."""
    gallery = sorted(gallery_of(verdict), key=lambda item: item.champion == item.candidate)
    return [
        {"photo": str((dataset / item.photo).absolute()), "old": item.champion, "new": item.candidate}
        for item in gallery
    ]


def count_training_rows(dataset: Path) -> int:
    """How many jokes a dataset has for training; 0 if it no longer exists."""
    try:
        return int(json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))["counts"]["train"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
