"""The gate's and the trial's measures as people read them, old and new side by side."""

import json
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
    """How the two models' jokes were liked in a trial, whole percents, and over how many ratings in all."""

    old: int
    new: int
    ratings: int
    better: bool | None


class EvaluationSummary:
    """Reads a verdict's JSON; a measure that isn't there, as in an older one, is left out."""

    def __init__(self, localize: Localizer, settings: GateSettings | None = None) -> None:
        self._localize, self._settings = localize, settings or GateSettings()

    def all(self, verdict: dict[str, Any], trial: TrialRecord | None = None) -> list[MetricRow]:
        """Every measure there is, what people said first."""
        measures, found = verdict.get("measures", {}), []
        if liking := self.liking(trial):
            found.append(
                MetricRow(
                    self._localize("measure-liking"),
                    f"{liking.old}%",
                    f"{liking.new}%",
                    liking.better,
                    self._localize("measure-ratings", ratings=liking.ratings),
                )
            )
        for name in ("likelihood", "ranking"):
            told = measures.get(name) or {}
            if told.get("champion") is not None:
                found.append(self._compared(name, told))
        codes = verdict.get("codes", [])
        for name in ("distinct", "self_overlap", "copying"):
            told = measures.get(name) or {}
            if told.get("champion") is not None:
                found.append(
                    MetricRow(
                        self._localize(f"measure-{name.replace('_', '-')}"),
                        percent(told["champion"]),
                        percent(told["candidate"]),
                        False if name in codes else None,
                    )
                )
        if told := measures.get("replies"):
            found.append(self._failed(told, codes))
        return found

    def _compared(self, name: str, told: dict[str, Any]) -> MetricRow:
        """A paired comparison over photos, with its interval; lower is better for the likelihood, given in nats."""
        nats, interval, photos = name == "likelihood", told.get("interval"), told.get("photos", 0)
        shown = (lambda value: f"{value:.3f}") if nats else percent
        less = f"{self._localize('measure-less')} · " if nats else ""
        needed = self._settings.likelihood_photos if nats else self._settings.ranking_photos
        if photos < needed:
            return MetricRow(
                self._localize(f"measure-{name}"),
                shown(told["champion"]),
                shown(told["candidate"]),
                None,
                less + self._localize("measure-few", photos=photos, needed=needed),
            )
        low, high = [-end for end in reversed(interval)] if nats and interval else interval or (-1.0, 1.0)
        better = True if low > 0 else False if high < 0 else None
        ends = (
            [(f"{end:+.3f}" if nats else f"{100 * end:+.0f}").replace("-", "−") for end in interval] if interval else []
        )
        note = less + (
            self._localize("measure-interval", photos=photos, low=ends[0], high=ends[1])
            if ends
            else self._localize("measure-photos", photos=photos)
        )
        return MetricRow(
            self._localize(f"measure-{name}"), shown(told["champion"]), shown(told["candidate"]), better, note
        )

    def _failed(self, told: dict[str, Any], codes: list[str]) -> MetricRow:
        """Replies that were empty, broken or in another language."""
        failed = {
            side: sum(told[side].get(kind, 0) for kind in ("empty", "broken", "language"))
            for side in ("champion", "candidate")
        }
        shown = {
            side: self._localize("measure-of", count=failed[side], all=told[side].get("replies", 0)) for side in failed
        }
        return MetricRow(
            self._localize("measure-replies"),
            shown["champion"],
            shown["candidate"],
            False if {"empty", "broken", "language"} & set(codes) else None,
        )

    def liking(self, trial: TrialRecord | None) -> LikeRates | None:
        """What people said in the trial so far, or None before anybody did."""
        seen = json.loads(trial.measures) if trial else {}
        old, new = seen.get("champion") or {}, seen.get("candidate") or {}
        if not (old.get("ratings") and new.get("ratings")):
            return None
        better = {"better": True, "worse": False}.get(seen.get("reason", ""))
        return LikeRates(
            round(100 * old["likes"] / old["ratings"]),
            round(100 * new["likes"] / new["ratings"]),
            old["ratings"] + new["ratings"],
            better,
        )


def percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def pairs_of(verdict: dict[str, Any], dataset: Path) -> list[dict[str, str]]:
    """The gallery's photos as absolute paths, first those about which the two models say different things."""
    gallery = sorted(gallery_of(verdict), key=lambda item: item.champion == item.candidate)
    return [
        {"photo": str((dataset / item.photo).absolute()), "old": item.champion, "new": item.candidate}
        for item in gallery
    ]


def rows(dataset: Path) -> int:
    """How many jokes a dataset teaches; 0 where it is gone."""
    try:
        return int(json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))["counts"]["train"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
