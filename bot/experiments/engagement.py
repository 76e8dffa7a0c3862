"""Compares what users do beside rating: how often they rate a joke at all, and how often they press 🔁.

Liking is measured on jokes that were rated. A bland candidate leaves users silent where the champion got a 😐, so its
liking rises while it is liked less. Where a candidate's jokes are rated less often, the missing ratings are therefore
counted as dislikes: its liking is multiplied by the ratio of the rating rates (never by more than 1), and what is left
of its advantage must still be positive by MIN_SCORE standard errors (the delta method). This is the worst case of
missing data, as in C. F. Manski's bounds (American Economic Review 80, 1990, 319-323), tested at a lower level than
the trial, because the trial's own test has to be passed too.
"""

import numpy as np

from bot.experiments.boundaries import TINY, BoolArray, FloatArray
from bot.experiments.effect import estimate_difference, mantel_haenszel_weight
from bot.experiments.trial_sums import EngagementSums, TrialSums

MIN_SCORE = 1.2
"""Standard errors by which the advantage must remain where all missing ratings count as dislikes."""
MAX_AGAIN_SCORE = 1.96
"""Standard errors by which 🔁 may be more frequent than with the champion."""
MIN_JOKES = 20
"""Jokes of each variant below which nothing is compared."""


def is_engaging(sums: TrialSums, engagement: EngagementSums, counted: tuple[float, ...]) -> BoolArray:
    """Whether the candidate's jokes are not rated less or answered with 🔁 more than explains its liking; bools (…)."""
    stages = np.asarray(counted)[:, None]
    jokes = engagement.jokes * stages
    enough = (jokes.sum(-2) >= MIN_JOKES).all(-1)
    return ~enough | (_keeps_advantage(sums, engagement, counted) & ~_is_repeated(engagement, stages))


def rate_ratio(engagement: EngagementSums, counted: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """Ratings per joke, candidate over champion, and the variance of that ratio."""
    jokes, ratings = engagement.jokes, engagement.ratings
    share = mantel_haenszel_weight(jokes[..., 0], jokes[..., 1]) * np.asarray(counted)
    known = np.maximum(jokes, 1.0)
    mean = ratings / known
    spread = np.maximum(engagement.squares - ratings * mean, 0.0) / np.maximum(jokes - 1, 1.0)
    weight = np.maximum(share.sum(-1), TINY)
    means = (share[..., None] * mean).sum(-2) / weight[..., None]
    variances = (share[..., None] ** 2 * spread / known).sum(-2) / weight[..., None] ** 2
    base = np.maximum(means[..., 0], TINY)
    ratio = means[..., 1] / base
    return ratio, (variances[..., 1] + ratio**2 * variances[..., 0]) / base**2


def _keeps_advantage(sums: TrialSums, engagement: EngagementSums, counted: tuple[float, ...]) -> BoolArray:
    rated = estimate_difference(sums, counted, duel_weight=0.0)
    units = sums.units
    share = mantel_haenszel_weight(units[..., 0], units[..., 1]) * np.asarray(counted)
    mean = sums.total[..., 0] / np.maximum(units[..., 0], 1.0)
    champion = (share * mean).sum(-1) / np.maximum(share.sum(-1), TINY)
    candidate = champion + rated.difference
    ratio, variance = rate_ratio(engagement, counted)
    ratio = np.minimum(ratio, 1.0)
    left = candidate * ratio - champion
    error = np.sqrt(ratio**2 * rated.variance + candidate**2 * variance)
    return (rated.weight <= 0) | (left > MIN_SCORE * error)


def _is_repeated(engagement: EngagementSums, stages: FloatArray) -> BoolArray:
    jokes, again = (engagement.jokes * stages).sum(-2), (engagement.again * stages).sum(-2)
    rates = again / np.maximum(jokes, 1.0)
    pooled = again.sum(-1) / np.maximum(jokes.sum(-1), 1.0)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), TINY) * (1 / np.maximum(jokes, 1.0)).sum(-1))
    return (rates[..., 1] - rates[..., 0]) > MAX_AGAIN_SCORE * error
