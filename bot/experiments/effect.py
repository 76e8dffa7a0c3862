"""Estimates the difference between two variants' likings from a trial's sums.

The variants are compared within each stage, so that a drift of the liking while the shares change favours neither. The
stages' differences are combined with the weights of Mantel and Haenszel, n·m/(n+m) units, which don't depend on the
ratings. Duels are one more stage: between equal models a net pick has mean 0, like a difference of likings. The number
of degrees of freedom is Satterthwaite's (Biometrics Bulletin 2, 1946), for a sum of estimated variances.
"""

from dataclasses import dataclass

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


def mantel_haenszel_weight(champion: FloatArray, candidate: FloatArray) -> FloatArray:
    """Mantel and Haenszel's weight of a difference between two means over so many units each."""
    return champion * candidate / np.maximum(champion + candidate, TINY)


def estimate_difference(
    sums: TrialSums, counted: tuple[float, ...] = ALL_STAGES, *, duel_weight: float = DUEL_WEIGHT
) -> EffectEstimate:
    """Combine the `counted` stages (1 or 0 for each) and their duels.

    Without data the weight is 0 and the variance the largest possible one.
    """
    stages = np.asarray(counted)
    units = sums.units
    mean = sums.total / np.maximum(units, 1.0)
    share = mantel_haenszel_weight(units[..., 0], units[..., 1]) * stages
    used = (share > 0)[..., None]
    deviations = np.where(used, np.maximum(sums.squares - sums.total * mean, 0.0), 0.0).sum(-2)
    freedoms = PRIOR + np.where(used, units - 1, 0.0).sum(-2)
    loads = (share[..., None] ** 2 / np.maximum(units, 1.0)).sum(-2)
    parts = loads * (deviations + PRIOR * LIKING_VARIANCE) / freedoms
    weight = share.sum(-1)
    total = (share * (mean[..., 1] - mean[..., 0])).sum(-1)
    duels, picks = (sums.duels * stages).sum(-1), (sums.picks * stages).sum(-1)
    spread = np.maximum((sums.pick_squares * stages).sum(-1) - picks**2 / np.maximum(duels, 1.0), 0.0)
    duel_freedom = np.maximum(duels, 1.0) - 1 + PRIOR
    duel_part = duel_weight**2 * duels * (spread + PRIOR * PICK_VARIANCE) / duel_freedom
    weight = weight + duel_weight * duels
    total = total + duel_weight * picks
    variance = parts.sum(-1) + duel_part
    freedom = variance**2 / np.maximum((parts**2 / freedoms).sum(-1) + duel_part**2 / duel_freedom, TINY**2)
    known, divisor = weight > 0, np.maximum(weight, TINY)
    return EffectEstimate(
        np.where(known, total / divisor, 0.0),
        np.where(known, variance / divisor**2, 1.0),
        np.where(known, freedom, PRIOR),
        weight,
    )
