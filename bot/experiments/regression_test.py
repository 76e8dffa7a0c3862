"""Has liking fallen? The sequential test of the watch over a new champion.

It is the harm side of the trial's test (`bot/experiments/`): the difference between the new champion's and its
predecessor's mean liking over photos, against the one-sided normal mixture bound of Robbins, which may be looked at as
often as wanted. Here the predecessor's photos are a fixed sample, n of them, and the new champion's come one by one.
With equal variances the covariance of the differences after m and after m' > m photos is σ²(1/m' + 1/n), the variance
of the later one: in the information n·m/(n + m) the score is a Brownian motion, as the bound asks.

A champion that is as good as the one before is taken back with probability alpha at most, over the whole watch.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bot.experiments.boundaries import from_normal, harm_boundary
from bot.experiments.observations import EARLY, Observation, TrialData
from bot.experiments.sequential_test import estimate_difference, mantel_haenszel_weight

LEAST_BEFORE, LEAST_NOW = 50, 10
"""Rated photos of the predecessor and of the new champion below which nothing is said."""


@dataclass(frozen=True)
class RegressionResult:
    """What a look saw: likings as means over photos, and the most that the difference (new minus before) may be."""

    fell: bool
    before: float
    now: float
    photos: int
    ratings: int
    at_most: float


def test_regression(
    before: Iterable[Observation], now: Iterable[Observation], alpha: float, ratings: int
) -> RegressionResult:
    """Compare; `ratings` is how many the whole watch is planned to see of the new champion."""
    evidence = TrialData.of(before, now)
    old, new = evidence.tally(EARLY, 0), evidence.tally(EARLY, 1)
    at_most = 1.0
    if old.units >= LEAST_BEFORE and new.units >= LEAST_NOW:
        estimate = estimate_difference(evidence)
        planned = mantel_haenszel_weight(old.units, max(new.units, ratings * new.units / new.ratings))
        room = from_normal(harm_boundary(min(1.0, estimate.weight / planned), alpha), estimate.freedom) * math.sqrt(
            estimate.variance
        )
        at_most = min(1.0, estimate.difference + room)
    return RegressionResult(at_most < 0, old.mean, new.mean, new.units, new.ratings, at_most)
