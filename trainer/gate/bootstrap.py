"""Intervals by resampling photos: measurements on one photo are correlated, so photos are drawn, not jokes.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the percentile interval; paired, since both
models are measured on the same photos.
"""

import numpy as np
from numpy.typing import NDArray

DRAWS = 4000


def interval(differences: NDArray[np.float64], confidence: float, seed: int) -> tuple[float, float]:
    """Interval of the mean of photos' differences; (-inf, inf) for fewer than two photos."""
    if len(differences) < 2:
        return float("-inf"), float("inf")
    drawn = np.random.default_rng(seed).integers(0, len(differences), (DRAWS, len(differences)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(differences[drawn].mean(1), (tail, 1 - tail))
    return float(low), float(high)
