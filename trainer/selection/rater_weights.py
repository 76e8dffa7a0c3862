"""Weights of ratings, as a defence against lenient raters and against brigades.

**Leniency.** A rater who gives 😂 to all jokes carries no information about which joke is better. Each rater's mean
deviation from the pool, shrunk by its variance components (a random rater effect, as in
`trainer.selection.empirical_bayes`), is subtracted from the rater's values.

**Dependence.** Raters who agree on their common jokes much more than other pairs of raters are not independent. For
every pair the share of equal values on common jokes is taken at its lower confidence bound (Wilson, JASA 22, 1927) and
compared with the pool's agreement: ρ is 0 at the pool's agreement and 1 at full agreement. A rating has the weight 1 /
(1 + Σ ρ over the joke's other raters), Kish's design effect ("Survey Sampling", 1965): twenty identical raters count as
one.

**Contested jokes.** If most of a joke's ratings are of dependent raters, or of newcomers in a burst (each with a weight
below a third), the joke was pushed, and its other raters are not a fair sample: the joke is rejected.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.selection.empirical_bayes import Floats, Indices, ratio, sum_by_index

LENIENCY_SHARE = 0.10
"""Prior share of rater effects in the variance of a rating; LENIENCY_DEGREES is its weight in degrees of freedom."""
LENIENCY_DEGREES = 10.0
CONFIDENCE = 2.0
"""Number of standard errors of the lower bound of a pair's agreement."""
MAX_PARTNERS = 32
"""Maximum number of raters before and after a rater, in a fixed shuffle, with which the rater is compared on a joke."""
BLOCK_WEIGHT = 1 / 3
"""Ratings with a lower weight belong to a block of at least four raters or to a newcomer in a burst."""


Small = NDArray[np.int32]


@dataclass(frozen=True)
class WeightedRatings:
    """Weighted ratings: `value` (0…1, without leniency), `weight` (0…1]; `contested` (J) marks rejected jokes."""

    value: Floats
    weight: Floats
    contested: NDArray[np.bool_]


def weight_ratings(
    value: Floats, joke: Indices, rater: Indices, jokes: int, raters: int, standing: Floats | None = None
) -> WeightedRatings:
    """Weight n ratings of values 0, ½, 1 by `jokes` × `raters`; both are numbered from 0.

    `standing` (n, 0…1) is each rating's weight from `trainer.selection.burst_detection`; 1 by default.
    """
    if not len(value):
        return WeightedRatings(value, value, np.zeros(jokes, bool))
    weight = (1.0 if standing is None else standing) / (1 + rater_dependence(value, joke, rater, raters))
    contested = 2 * np.bincount(joke, weight < BLOCK_WEIGHT, jokes) > np.bincount(joke, minlength=jokes)
    return WeightedRatings(value - leniency(value, rater, raters)[rater], weight, contested)


def unweighed(value: Floats, jokes: int) -> WeightedRatings:
    """Ratings with weight 1, for comparison."""
    return WeightedRatings(value, np.ones(len(value)), np.zeros(jokes, bool))


def leniency(value: Floats, rater: Indices, raters: int) -> Floats:
    """Per rater, the mean deviation of the values from the pool's mean, shrunk towards 0."""
    count = np.bincount(rater, minlength=raters).astype(float)
    deviation = ratio(sum_by_index(rater, value - value.mean(), raters), count)
    spread = max(float(value.var()), 1e-9)
    degrees, total = int((count > 0).sum()) - 1, count.sum()
    coefficient = total - (count**2).sum() / total
    between = ((count * deviation**2).sum() - degrees * spread) / coefficient if coefficient > 0 else 0.0
    variance = (LENIENCY_DEGREES * LENIENCY_SHARE * spread + degrees * max(between, 0.0)) / (LENIENCY_DEGREES + degrees)
    return deviation * count / (count + spread / variance)


def rater_dependence(value: Floats, joke: Indices, rater: Indices, raters: int) -> Floats:
    """Per rating, Σ ρ over the other raters of its joke."""
    left, right = joint_ratings(joke)
    if not len(left):
        return np.zeros(len(value))
    left, right, pair = group_pairs(left, right, rater, raters)
    shared = np.bincount(pair).astype(float)
    agreement = np.bincount(pair, value[left] == value[right]) / shared
    # A pair counts at most as much as the median pair; otherwise a brigade would define the usual agreement.
    standing = np.minimum(shared, np.median(shared))
    usual = min(float((standing * agreement).sum() / standing.sum()), 1 - 1e-6)
    rho = np.clip((wilson_lower_bound(agreement, shared) - usual) / (1 - usual), 0.0, 1.0)[pair]
    total = np.bincount(left, rho, len(value)) + np.bincount(right, rho, len(value))
    compared = np.bincount(left, minlength=len(value)) + np.bincount(right, minlength=len(value))
    others = np.bincount(joke)[joke] - 1
    return total * ratio(others.astype(float), compared.astype(float))


def group_pairs(left: Small, right: Small, rater: Indices, raters: int) -> tuple[Small, Small, Small]:
    """Pairs of ratings sorted by their pair of raters, and the number of that pair of raters, from 0.

    Equivalent to numpy's `unique` with `return_inverse`, in half the memory, because this is the peak of a large
    export.
    """
    key = np.minimum(rater[left], rater[right]) * raters
    key += np.maximum(rater[left], rater[right])
    order = np.argsort(key)
    key = key[order]
    pair = np.zeros(len(key), np.int32)
    np.cumsum(key[1:] != key[:-1], out=pair[1:])
    return left[order], right[order], pair


def joint_ratings(joke: Indices) -> tuple[Small, Small]:
    """Index pairs of ratings of the same joke."""
    shuffled = np.random.default_rng(0).permutation(len(joke))
    order = shuffled[np.argsort(joke[shuffled], kind="stable")].astype(np.int32)
    here: Small = np.arange(len(joke), dtype=np.int32)
    sorted_jokes = joke[order]
    lefts: list[Small] = [np.empty(0, np.int32)]
    rights: list[Small] = [np.empty(0, np.int32)]
    for distance in range(1, MAX_PARTNERS + 1):
        here = here[: np.searchsorted(here, len(joke) - distance)]
        here = here[sorted_jokes[here] == sorted_jokes[here + distance]]
        lefts.append(order[here])
        rights.append(order[here + distance])
    return np.concatenate(lefts), np.concatenate(rights)


def wilson_lower_bound(share: Floats, count: Floats) -> Floats:
    """Lower end (n) of the score interval (E. B. Wilson, 1927) of shares (n) in `count` trials each (n)."""
    z = CONFIDENCE
    return (share + z * z / (2 * count) - z * np.sqrt(share * (1 - share) / count + z * z / (4 * count**2))) / (
        1 + z * z / count
    )
