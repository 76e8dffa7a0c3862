"""How much more the present model is liked than the base: the difference with an interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from storage.learning.base_comparison import BaseComparison, PhotoLikes

MIN_PHOTOS = 10
"""Rated photos of the base from which a difference is told."""
Z = 1.959964
"""Of a 95 % interval."""


@dataclass(frozen=True)
class Gain:
    """Likings (0 to 1) of the base and the present model, and the 95 % interval of the difference."""

    base: float
    present: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """The present model's liking minus the base's."""
        return self.present - self.base


def estimate_gain(comparison: BaseComparison) -> Gain | None:
    """The gain; None with fewer than MIN_PHOTOS rated photos of either model.

    A photo is one observation: the mean of its ratings, however many users rated it. The interval is that of Agresti
    and Caffo ("Simple and effective confidence intervals for proportions and differences of proportions", The American
    Statistician 2000): one success and one failure more for each model, so that few photos give no interval of width
    0. The mean of several ratings varies less than a single one, so it is wide enough.
    """
    if min(len(comparison.base), len(comparison.present)) < MIN_PHOTOS:
        return None
    base, present = _mean(comparison.base), _mean(comparison.present)
    centres, variance = [], 0.0
    for mean, photos in ((base, len(comparison.base)), (present, len(comparison.present))):
        centre = (mean * photos + 1) / (photos + 2)
        centres.append(centre)
        variance += centre * (1 - centre) / (photos + 2)
    middle, half = centres[1] - centres[0], Z * math.sqrt(variance)
    return Gain(base, present, max(-1.0, middle - half), min(1.0, middle + half))


def _mean(photos: Sequence[PhotoLikes]) -> float:
    return sum(photo.likes / photo.ratings for photo in photos) / len(photos)
