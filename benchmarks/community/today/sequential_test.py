"""The sequential test of a trial: one analysis of the data so far, at any time, any number of times.

The arms are compared within each stage, so that a drift of the liking while the shares change favours neither. The
stages' differences are combined with the weights of Mantel and Haenszel, n·m/(n+m) units, which don't depend on the
ratings. Duels are one more stage: between equal models a net pick has mean 0, like a difference of likings.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.community.today.boundaries import (
    any_time_boundary,
    final_boundary,
    fixed_sample_boundary,
    from_normal,
    harm_boundary,
    to_normal,
)
from benchmarks.community.today.observations import EARLY, LATE, Observation, TrialData
from benchmarks.community.today.settings import CanarySettings

PRIOR = 2.0
"""Units with the largest possible variance that each variance estimate begins with, since few units say little."""
LIKING_VARIANCE, PICK_VARIANCE = 0.25, 1.0
"""The largest variance of a value in 0…1, and of one in -1…1."""
DUEL_WEIGHT = 1 / 3
"""A duel's weight, in units against infinitely many of the other arm: a rating's variance of 0.25 over a net pick's
of 0.75, if users pick neither joke a quarter of the time."""
SECONDS_A_DAY = 86400.0


class TrialAnswer(StrEnum):
    """The answer of one analysis. The values are stored in the database."""

    PROMOTE = "promote"
    HARMFUL = "harm"
    CONTINUE = "go on"
    INCONCLUSIVE = "not enough"


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
    """The result of one analysis: from now on the candidate gets `share` of the deliveries, in stage `stage`.

    `difference` is the candidate's liking minus the champion's (0…1, within stages, duels counted), `interval` its
    confidence interval: above 0 promotes (never before `initial_ratings` ratings of the candidate), below 0 is harmful.
    Each end is wrong at some analysis of the whole trial with probability alpha at most. `progress` is the share of
    the planned information. `reason`: better, worse, early (few ratings yet), suspect (not liked enough for a larger
    share), between (no verdict yet), ratings or days (the end without a verdict).
    """

    answer: TrialAnswer
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
    """The difference of likings, its variance with the degrees of freedom, and the total weight."""

    difference: float
    variance: float
    freedom: float
    weight: float


@dataclass(frozen=True)
class SequentialTest:
    """The test with its settings. It keeps no state between analyses."""

    settings: CanarySettings

    def evaluate(
        self,
        champion: Iterable[Observation],
        candidate: Iterable[Observation],
        duels: Iterable[float] = (),
        age_s: float = 0.0,
    ) -> TrialDecision:
        """Analyse units of both arms and net picks of duels (see TrialData), `age_s` seconds after the trial began."""
        return self.evaluate_data(TrialData.from_units(champion, candidate, duels), age_s)

    def evaluate_data(self, evidence: TrialData, age_s: float = 0.0) -> TrialDecision:
        """The same on sums. Without data the answer is CONTINUE."""
        settings, estimate = self.settings, estimate_difference(evidence)
        champion, candidate = VariantStats(*evidence.counts_of(0)), VariantStats(*evidence.counts_of(1))
        ratings = champion.ratings + candidate.ratings
        over = self.end_reason(ratings, age_s)
        progress = 0.0
        if estimate.weight:
            progress = min(1.0, estimate.weight / self.planned_information(evidence, champion, candidate))
        low, high = self.confidence_interval(estimate, progress, bool(over))
        early = candidate.ratings < settings.initial_ratings
        late = evidence.has_late_data or not (early or self.looks_harmful(estimate))
        if low > 0 and not early:
            answer, reason = TrialAnswer.PROMOTE, "better"
        elif high < 0:
            answer, reason = TrialAnswer.HARMFUL, "worse"
        elif over:
            answer, reason = TrialAnswer.INCONCLUSIVE, over
        else:
            answer, reason = TrialAnswer.CONTINUE, "between" if late else "early" if early else "suspect"
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

    def end_reason(self, ratings: int, age_s: float) -> str:
        """Why the trial is over: "ratings", "days", or "" while it goes on."""
        if ratings >= self.settings.max_ratings:
            return "ratings"
        return "days" if age_s >= self.settings.max_days * SECONDS_A_DAY else ""

    def confidence_interval(self, estimate: "EffectEstimate", progress: float, over: bool) -> tuple[float, float]:
        """The confidence interval of the difference, from the trial's boundaries."""
        alpha, error = self.settings.alpha, math.sqrt(estimate.variance)
        promoting = (
            final_boundary(round(progress, 3), alpha) if over and progress else any_time_boundary(progress, alpha)
        )
        low = estimate.difference - from_normal(promoting, estimate.freedom) * error
        high = estimate.difference + from_normal(harm_boundary(progress, alpha), estimate.freedom) * error
        return max(-1.0, low), min(1.0, high)

    def looks_harmful(self, estimate: "EffectEstimate") -> bool:
        """Whether a fixed-sample one-sided test at alpha, sharper than the trial's boundary, finds harm now.

        The larger share begins once `initial_ratings` ratings of the candidate show no harm; it is never taken back.
        """
        score = estimate.difference / math.sqrt(estimate.variance)
        return to_normal(score, estimate.freedom) < -fixed_sample_boundary(self.settings.alpha)

    def planned_information(self, evidence: TrialData, champion: VariantStats, candidate: VariantStats) -> float:
        """The expected total weight at the end of the trial, if ratings keep coming as so far."""
        settings, ratings = self.settings, max(1, champion.ratings + candidate.ratings)
        remaining = max(0, settings.max_ratings - ratings)
        early = (
            0.0
            if evidence.has_late_data
            else min(remaining, max(0, settings.initial_ratings - candidate.ratings) / settings.initial_share)
        )
        units_a_rating = (champion.units + candidate.units) / ratings
        weight = DUEL_WEIGHT * evidence.duels * max(1.0, settings.max_ratings / ratings)
        expected = {
            EARLY: (early * units_a_rating, settings.initial_share),
            LATE: ((remaining - early) * units_a_rating, settings.full_share),
        }
        for stage, pair in evidence.stages.items():
            more, share = expected.get(stage, (0.0, 0.0))
            weight += mantel_haenszel_weight(pair[0].units + more * (1 - share), pair[1].units + more * share)
        return weight


def mantel_haenszel_weight(champion: float, candidate: float) -> float:
    """Mantel and Haenszel's weight of a difference between two means over so many units each."""
    return champion * candidate / (champion + candidate) if champion and candidate else 0.0


def estimate_difference(evidence: TrialData) -> EffectEstimate:
    """Combine stages and duels. Without data the weight is 0 and the variance the largest possible one."""
    weight = score = 0.0
    loads, spreads, freedoms = [0.0, 0.0], [0.0, 0.0], [PRIOR, PRIOR]
    for pair in evidence.stages.values():
        if share := mantel_haenszel_weight(pair[0].units, pair[1].units):
            weight += share
            score += share * (pair[1].mean - pair[0].mean)
            for arm, sums in enumerate(pair):
                loads[arm] += share * share / sums.units
                spreads[arm] += sums.deviations
                freedoms[arm] += sums.units - 1
    parts = [(loads[arm] * (spreads[arm] + PRIOR * LIKING_VARIANCE) / freedoms[arm], freedoms[arm]) for arm in (0, 1)]
    if evidence.duels:
        count, freedom = evidence.duels, evidence.duels - 1 + PRIOR
        weight += DUEL_WEIGHT * count
        score += DUEL_WEIGHT * evidence.duels_total
        deviations = max(0.0, evidence.duels_squares - evidence.duels_total**2 / count)
        parts.append((DUEL_WEIGHT**2 * count * (deviations + PRIOR * PICK_VARIANCE) / freedom, freedom))
    if not weight:
        return EffectEstimate(0.0, 1.0, PRIOR, 0.0)
    variance = sum(part for part, _ in parts)
    # Satterthwaite (Biometrics Bulletin 2, 1946): the degrees of freedom of a sum of estimated variances.
    freedom = variance * variance / sum(part * part / own for part, own in parts)
    return EffectEstimate(score / weight, variance / (weight * weight), freedom, weight)
