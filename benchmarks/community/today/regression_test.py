"""The sequential test of the champion monitor: has the liking fallen since the promotion?

It is the harm side of the trial's test: the difference between the new champion's and its predecessor's mean liking
over photos, against the one-sided normal mixture bound of Robbins, which allows any number of analyses. Here the
predecessor's photos are a fixed sample of n, and the new champion's come one by one. With equal variances the
covariance of the differences after m and after m' > m photos is σ²(1/m' + 1/n), the variance of the later one. So in
the information n·m/(n + m) the score is a Brownian motion, as the bound requires.

A champion that is as good as its predecessor is rolled back with probability alpha at most, over the whole monitoring.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.community.today.boundaries import from_normal, harm_boundary
from benchmarks.community.today.observations import EARLY, Observation, TrialData
from benchmarks.community.today.sequential_test import estimate_difference, mantel_haenszel_weight

MIN_PREDECESSOR_PHOTOS, MIN_CHAMPION_PHOTOS = 50, 10
"""Minimum of rated photos of each model; below it the test finds nothing."""


@dataclass(frozen=True)
class RegressionResult:
    """One analysis: mean likings over photos, and the upper bound `at_most` of the difference (now minus before)."""

    fell: bool
    before: float
    now: float
    photos: int
    ratings: int
    at_most: float


def compare_with_predecessor(
    before: Iterable[Observation], now: Iterable[Observation], alpha: float, ratings: int
) -> RegressionResult:
    """Analyse the ratings so far; `ratings` is the planned number of the new champion's ratings."""
    evidence = TrialData.from_units(before, now)
    old, new = evidence.sums_of(EARLY, 0), evidence.sums_of(EARLY, 1)
    at_most = 1.0
    if old.units >= MIN_PREDECESSOR_PHOTOS and new.units >= MIN_CHAMPION_PHOTOS:
        estimate = estimate_difference(evidence)
        planned = mantel_haenszel_weight(old.units, max(new.units, ratings * new.units / new.ratings))
        boundary = from_normal(harm_boundary(min(1.0, estimate.weight / planned), alpha), estimate.freedom)
        at_most = min(1.0, estimate.difference + boundary * math.sqrt(estimate.variance))
    return RegressionResult(at_most < 0, old.mean, new.mean, new.units, new.ratings, at_most)
