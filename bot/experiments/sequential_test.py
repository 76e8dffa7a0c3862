"""The trial itself: one look at the evidence, at any time, as often as wanted.

The arms are compared within each stage, so that a liking that drifts while the shares change is nobody's merit, and the
stages' differences are put together with the weights of Mantel and Haenszel, units n·m/(n+m), which don't depend on
what was liked. Duels are one more stage: under "equal" a net pick has mean 0 as a difference of likings has.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.experiments.boundaries import (
    any_time_boundary,
    final_boundary,
    fixed_sample_boundary,
    from_normal,
    harm_boundary,
    to_normal,
)
from bot.experiments.observations import EARLY, LATE, Observation, TrialData
from configs.learning import CanarySettings

Answer = Literal["promote", "harm", "go on", "not enough"]
PRIOR = 2.0
"""Units that each variance begins with, at the largest variance there can be: few units say little."""
LIKING_VARIANCE, PICK_VARIANCE = 0.25, 1.0
"""The largest variance of a value in 0…1, and in -1…1."""
DUEL_WEIGHT = 1 / 3
"""A duel's weight, in units against infinitely many of the other arm: 0.25, a rating's variance, over 0.75, a net
pick's where people find both meh a quarter of the time."""
SECONDS_A_DAY = 86400.0


@dataclass(frozen=True)
class VariantStats:
    """One model in a trial: liked ratings, ratings, and the photos they were of."""

    likes: int
    ratings: int
    units: int

    @property
    def liking(self) -> float | None:
        """Liked ratings over ratings."""
        return self.likes / self.ratings if self.ratings else None


@dataclass(frozen=True)
class TrialDecision:
    """What a look says. `share` of deliveries is the candidate's from now on, and new jokes belong to `stage`.

    `difference` is the candidate's liking minus the champion's (0…1, within stages, duels counted), `interval` what it
    may be: above 0 promotes (never before `initial_ratings` of the candidate's), below 0 harms; each end is wrong, at
    some look of the whole trial, with probability alpha at most. `progress` is the share of the planned information.
    `reason` is one of: better, worse, early (few ratings yet), suspect (too unliked for a larger share), between (no
    verdict yet), ratings and days (the end, no verdict).
    """

    answer: Answer
    share: float
    stage: int
    difference: float
    interval: tuple[float, float]
    champion: VariantStats
    candidate: VariantStats
    duels: int
    ratings: int
    progress: float
    reason: str


@dataclass(frozen=True)
class EffectEstimate:
    """The difference of likings, its variance, the degrees of freedom of that, and the weight it rests on."""

    difference: float
    variance: float
    freedom: float
    weight: float


@dataclass(frozen=True)
class SequentialTest:
    """The test with its settings. It keeps nothing between looks."""

    settings: CanarySettings

    def look(
        self,
        champion: Iterable[Observation],
        candidate: Iterable[Observation],
        duels: Iterable[float] = (),
        age_s: float = 0.0,
    ) -> TrialDecision:
        """Judge units of both arms and net picks of duels (see Evidence), `age_s` seconds after the trial began."""
        return self.judge(TrialData.of(champion, candidate, duels), age_s)

    def judge(self, evidence: TrialData, age_s: float = 0.0) -> TrialDecision:
        """The same on sums. Raises nothing; without evidence it is "go on"."""
        settings, estimate = self.settings, estimate_difference(evidence)
        champion, candidate = VariantStats(*evidence.sums(0)), VariantStats(*evidence.sums(1))
        ratings = champion.ratings + candidate.ratings
        over = (
            "ratings"
            if ratings >= settings.max_ratings
            else "days"
            if age_s >= settings.max_days * SECONDS_A_DAY
            else ""
        )
        progress = min(1.0, estimate.weight / self.planned(evidence, champion, candidate)) if estimate.weight else 0.0
        low, high = self.interval(estimate, progress, bool(over))
        few = candidate.ratings < settings.initial_ratings
        late = evidence.raised or not (few or self.suspect(estimate))
        answer: Answer = "promote" if low > 0 and not few else "harm" if high < 0 else "not enough" if over else "go on"
        going = "between" if late else "early" if few else "suspect"
        reason = {"promote": "better", "harm": "worse", "not enough": over, "go on": going}[answer]
        return TrialDecision(
            answer,
            settings.full_share if late else settings.initial_share,
            LATE if late else EARLY,
            estimate.difference,
            (low, high),
            champion,
            candidate,
            evidence.duels,
            ratings,
            progress,
            reason,
        )

    def interval(self, estimate: "EffectEstimate", progress: float, over: bool) -> tuple[float, float]:
        """Where the difference lies, as far as the trial's lines let it be said."""
        alpha, error = self.settings.alpha, math.sqrt(estimate.variance)
        promoting = (
            final_boundary(round(progress, 3), alpha) if over and progress else any_time_boundary(progress, alpha)
        )
        low = estimate.difference - from_normal(promoting, estimate.freedom) * error
        high = estimate.difference + from_normal(harm_boundary(progress, alpha), estimate.freedom) * error
        return max(-1.0, low), min(1.0, high)

    def suspect(self, estimate: "EffectEstimate") -> bool:
        """Whether a plain one-sided test at alpha, sharper than what ends a trial, sees harm now. The larger share
        begins when `initial_ratings` of the candidate's ratings show none; once begun, it is not taken back."""
        score = estimate.difference / math.sqrt(estimate.variance)
        return to_normal(score, estimate.freedom) < -fixed_sample_boundary(self.settings.alpha)

    def planned(self, evidence: TrialData, champion: VariantStats, candidate: VariantStats) -> float:
        """The weight that the evidence will have at the end, if ratings come on as they have so far."""
        settings, ratings = self.settings, max(1, champion.ratings + candidate.ratings)
        left = max(0, settings.max_ratings - ratings)
        early = (
            0.0
            if evidence.raised
            else min(left, max(0, settings.initial_ratings - candidate.ratings) / settings.initial_share)
        )
        units_a_rating = (champion.units + candidate.units) / ratings
        weight = DUEL_WEIGHT * evidence.duels * max(1.0, settings.max_ratings / ratings)
        coming = {
            EARLY: (early * units_a_rating, settings.initial_share),
            LATE: ((left - early) * units_a_rating, settings.full_share),
        }
        for stage, pair in evidence.stages.items():
            more, share = coming.get(stage, (0.0, 0.0))
            weight += mantel_haenszel_weight(pair[0].units + more * (1 - share), pair[1].units + more * share)
        return weight


def mantel_haenszel_weight(champion: float, candidate: float) -> float:
    """Mantel and Haenszel's weight of a difference between so many units and so many."""
    return champion * candidate / (champion + candidate) if champion and candidate else 0.0


def estimate_difference(evidence: TrialData) -> EffectEstimate:
    """Put stages and duels together. Without evidence the weight is 0 and the variance the largest there is."""
    weight = score = 0.0
    loads, spreads, known = [0.0, 0.0], [0.0, 0.0], [PRIOR, PRIOR]
    for pair in evidence.stages.values():
        if share := mantel_haenszel_weight(pair[0].units, pair[1].units):
            weight += share
            score += share * (pair[1].mean - pair[0].mean)
            for arm, one in enumerate(pair):
                loads[arm] += share * share / one.units
                spreads[arm] += one.deviations
                known[arm] += one.units - 1
    parts = [(loads[arm] * (spreads[arm] + PRIOR * LIKING_VARIANCE) / known[arm], known[arm]) for arm in (0, 1)]
    if evidence.duels:
        count, freedom = evidence.duels, evidence.duels - 1 + PRIOR
        weight += DUEL_WEIGHT * count
        score += DUEL_WEIGHT * evidence.duels_total
        deviations = max(0.0, evidence.duels_squares - evidence.duels_total**2 / count)
        parts.append((DUEL_WEIGHT**2 * count * (deviations + PRIOR * PICK_VARIANCE) / freedom, freedom))
    if not weight:
        return EffectEstimate(0.0, 1.0, PRIOR, 0.0)
    variance = sum(part for part, _ in parts)
    # Satterthwaite (Biometrics Bulletin 2, 1946): what a sum of estimated variances is worth.
    freedom = variance * variance / sum(part * part / own for part, own in parts)
    return EffectEstimate(score / weight, variance / (weight * weight), freedom, weight)
