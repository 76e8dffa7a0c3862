"""Estimates the difference between two variants' likings from a trial's sums.

The variants are compared within each stage, so that a drift of the liking while the shares change favours neither. The
stages' differences are combined with the weights of Mantel and Haenszel, n·m/(n+m) units, which don't depend on the
ratings. Duels are one more stage: between equal models a net pick has mean 0, like a difference of likings. The number
of degrees of freedom is Satterthwaite's (Biometrics Bulletin 2, 1946), for a sum of estimated variances.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from bot.experiments.boundaries import TINY, FloatArray
from bot.experiments.trial_design import STAGES
from bot.experiments.trial_sums import TrialSums

PRIOR = 2.0
"""Units with the largest possible variance that each variance estimate begins with, since few units say little."""
LIKING_VARIANCE, PICK_VARIANCE = 0.25, 1.0
"""The largest variance of a value in 0…1, and of one in -1…1."""
DUEL_WEIGHT = 0.4
"""A duel's weight, in units against infinitely many of the other variant. A rating in a stage of equal shares has 0.25,
and a pick tells as much as two to three ratings: a user compares two jokes about one photo, without the photo's effect
and the user's leniency. For normal jokes with the community benchmark's variances, the best weight is 0.38."""
ALL_STAGES = (1.0,) * STAGES


@dataclass(frozen=True)
class EffectEstimate:
    """The difference of likings, its variance with the degrees of freedom, and the total weight; arrays (…)."""

    difference: FloatArray
    variance: FloatArray
    freedom: FloatArray
    weight: FloatArray

    @property
    def score(self) -> FloatArray:
        """The difference in standard errors."""
        return self.difference / np.sqrt(self.variance)

    @property
    def of_all_users(self) -> Self:
        """The estimate that leaves out no user: without the last of the leading dimensions."""
        return type(self)(self.difference[..., 0], self.variance[..., 0], self.freedom[..., 0], self.weight[..., 0])


def mantel_haenszel_weight(champion: FloatArray, candidate: FloatArray) -> FloatArray:
    """Mantel and Haenszel's weight of a difference between two means over so many units, or weights, each."""
    return champion * candidate / np.maximum(champion + candidate, TINY)


@dataclass
class _Parts:
    """Running sums over stages of one variant: of the squared weights over units, of deviations, of freedoms."""

    load: FloatArray | float = 0.0
    deviations: FloatArray | float = 0.0
    freedom: FloatArray | float = PRIOR

    @property
    def variance(self) -> FloatArray:
        return np.asarray(self.load * (self.deviations + PRIOR * LIKING_VARIANCE) / self.freedom)


def estimate_difference(
    sums: TrialSums, counted: tuple[float, ...] = ALL_STAGES, *, duel_weight: float = DUEL_WEIGHT
) -> EffectEstimate:
    """Combine the `counted` stages (1 or 0 for each) and their duels.

    Without data the weight is 0 and the variance the largest possible one. Loops over the few stages, because sums over
    an axis of three are slow in NumPy.
    """
    weight = total = duels = own = picks = pick_squares = np.zeros(sums.duels.shape[:-1])
    variants = _Parts(), _Parts()
    for stage in (number for number in range(STAGES) if counted[number]):
        weights = [np.maximum(sums.weight[..., stage, variant], TINY) for variant in (0, 1)]
        means = [sums.total[..., stage, variant] / weights[variant] for variant in (0, 1)]
        share = mantel_haenszel_weight(sums.weight[..., stage, 0], sums.weight[..., stage, 1])
        used = share > 0
        weight, total = weight + share, total + share * (means[1] - means[0])
        for variant, part in enumerate(variants):
            spread = sums.squares[..., stage, variant] - sums.total[..., stage, variant] * means[variant]
            part.load = part.load + share * share / weights[variant]
            part.deviations = part.deviations + used * np.maximum(spread, 0.0)
            part.freedom = part.freedom + used * (sums.units[..., stage, variant] - 1)
        duels, own = duels + sums.duels[..., stage], own + sums.duel_weight[..., stage]
        picks, pick_squares = picks + sums.picks[..., stage], pick_squares + sums.pick_squares[..., stage]
    spread = np.maximum(pick_squares - picks**2 / np.maximum(own, TINY), 0.0)
    duel_freedom = np.maximum(duels, 1.0) - 1 + PRIOR
    duel_variance = duel_weight**2 * own * (spread + PRIOR * PICK_VARIANCE) / duel_freedom
    parts = [(part.variance, part.freedom) for part in variants] + [(duel_variance, duel_freedom)]
    return _scaled(weight + duel_weight * own, total + duel_weight * picks, parts)


def _scaled(weight: FloatArray, total: FloatArray, parts: list[tuple[FloatArray, Any]]) -> EffectEstimate:
    """The estimate from a weighted sum of differences; `parts` are independent variances with their freedoms."""
    variance: FloatArray = sum(part for part, _ in parts) + np.zeros_like(weight)
    freedom = variance**2 / np.maximum(sum(part**2 / own for part, own in parts), TINY**2)
    known, divisor = weight > 0, np.maximum(weight, TINY)
    return EffectEstimate(
        np.where(known, total / divisor, 0.0),
        np.where(known, variance / divisor**2, 1.0),
        np.where(known, freedom, PRIOR),
        weight,
    )
