"""Compares what users do beside rating: how often they rate a joke at all, and how often they press 🔁.

Liking is measured on jokes that were rated. A bland candidate leaves users silent where the champion got a 😐, so its
liking rises while it is liked less. Where a candidate's jokes are rated less often, the missing ratings are therefore
counted as dislikes: its liking is multiplied by the ratio of the rating rates (never by more than 1). What is left of
its advantage, duels included, must be positive by MIN_SCORE standard errors (the delta method). This is the worst case
of missing data, as in C. F. Manski's bounds (American Economic Review 80, 1990, 319-323), tested at a lower level than
the trial, because the trial's own test has to be passed too.
"""

import numpy as np

from bot.experiments.boundaries import TINY, BoolArray, FloatArray
from bot.experiments.effect import EffectEstimate, mantel_haenszel_weight
from bot.experiments.trial_sums import EngagementSums, TrialSums

MIN_SCORE = 1.4
"""Standard errors by which the advantage must remain where all missing ratings count as dislikes."""
MAX_AGAIN_SCORE = 1.96
"""Standard errors by which 🔁 may be more frequent than with the champion."""
MIN_JOKES = 20
"""Jokes of each variant below which nothing is compared."""


def is_engaging(
    sums: TrialSums, estimate: EffectEstimate, engagement: EngagementSums, counted: tuple[float, ...]
) -> BoolArray:
    """Whether the candidate's jokes are not rated less or answered with 🔁 more than explains its liking; bools (…).

    `estimate` is that of the sums over the counted stages.
    """
    jokes = _over_stages(engagement.jokes, counted)
    again = _over_stages(engagement.again, counted)
    enough = (jokes[0] >= MIN_JOKES) & (jokes[1] >= MIN_JOKES)
    return ~enough | (_keeps_advantage(sums, estimate, engagement, counted) & ~_is_repeated(jokes, again))


def rate_ratio(engagement: EngagementSums, counted: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """Ratings per joke, candidate over champion, and the variance of that ratio."""
    zeros = np.zeros(engagement.jokes.shape[:-2])
    weight, means, variances = zeros, [zeros, zeros], [zeros, zeros]
    for stage in (number for number, used in enumerate(counted) if used):
        jokes = [engagement.jokes[..., stage, variant] for variant in (0, 1)]
        share = mantel_haenszel_weight(*jokes)
        weight = weight + share
        for variant in (0, 1):
            known = np.maximum(jokes[variant], 1.0)
            mean = engagement.ratings[..., stage, variant] / known
            spread = engagement.squares[..., stage, variant] - engagement.ratings[..., stage, variant] * mean
            variance = np.maximum(spread, 0.0) / np.maximum(known - 1, 1.0)
            means[variant] = means[variant] + share * mean
            variances[variant] = variances[variant] + share**2 * variance / known
    base = np.maximum(means[0], TINY)
    ratio = means[1] / base
    return ratio, (variances[1] + ratio**2 * variances[0]) / base**2


def _keeps_advantage(
    sums: TrialSums, whole: EffectEstimate, engagement: EngagementSums, counted: tuple[float, ...]
) -> BoolArray:
    weight = liked = np.zeros(whole.weight.shape)
    for stage in (number for number, used in enumerate(counted) if used):
        old = sums.weight[..., stage, 0]
        share = mantel_haenszel_weight(old, sums.weight[..., stage, 1])
        weight, liked = weight + share, liked + share * sums.total[..., stage, 0] / np.maximum(old, TINY)
    # Only the ratings' part of the difference suffers from silence, not that of the duels.
    rated = weight / np.maximum(whole.weight, TINY)
    candidate = rated * (liked / np.maximum(weight, TINY) + whole.difference)
    ratio, variance = rate_ratio(engagement, counted)
    left = whole.difference - candidate * (1 - np.minimum(ratio, 1.0))
    error = np.sqrt(whole.variance + candidate**2 * variance)
    return (weight <= 0) | (left > MIN_SCORE * error)


def _is_repeated(jokes: list[FloatArray], again: list[FloatArray]) -> BoolArray:
    rates = [again[variant] / np.maximum(jokes[variant], 1.0) for variant in (0, 1)]
    pooled = (again[0] + again[1]) / np.maximum(jokes[0] + jokes[1], 1.0)
    inverse = 1 / np.maximum(jokes[0], 1.0) + 1 / np.maximum(jokes[1], 1.0)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), TINY) * inverse)
    return rates[1] - rates[0] > MAX_AGAIN_SCORE * error


def _over_stages(counts: FloatArray, counted: tuple[float, ...]) -> list[FloatArray]:
    """The sums over the counted stages, of champion and candidate."""
    zeros = np.zeros(counts.shape[:-2])
    stages = [number for number, used in enumerate(counted) if used]
    return [sum((counts[..., stage, variant] for stage in stages), zeros) for variant in (0, 1)]
