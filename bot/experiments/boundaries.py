"""The boundaries of the sequential test, on the scale of a standard normal score.

With W a standard Brownian motion and t in 0…1 the share of the planned information, a score is z(t) = W(t)/√t.

- `any_time_boundary`: promotion at any time before the end, where W(t) ≥ c. By the reflection principle
  P(max W ≥ c) = 2Φ̄(c). This spends α like the O'Brien-Fleming boundary of Lan and DeMets (Biometrika 70, 1983,
  659-663).
- `final_boundary`: promotion at the end, at any t. Both boundaries together are crossed with probability
  Φ̄(z) + Φ̄(2c/√t - z), again by reflection; z is solved for, so that this is the α to spend.
- `harm_boundary`: harm at any time, without an end: the one-sided normal mixture of Robbins (1970) in the closed form
  of Howard, Ramdas, McAuliffe and Sekhon (Annals of Statistics 49, 2021, 1055-1080, section 3.2).
- `to_normal`, `from_normal`: Student's t on the normal scale (Wallace, Annals of Mathematical Statistics 30, 1959,
  1124), for variances estimated from few units.

All functions of t or of a score take arrays too, elementwise.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Floats = FloatArray | float
"""One number, or an array of them."""

NORMAL = NormalDist()
ANY_TIME = 0.5
"""Share of α that the any-time boundary alone would spend. It costs the final boundary about one point of power."""
MIXTURE = 0.03
"""The mixture's precision, as a share of the planned information. The harm boundary is lowest at t = 0.2, where the
stage of small share ends with the default settings (it is 2.78 there and 2.90 at the end)."""
SPENT = 0.88
"""Share of α that the promotion boundaries spend. The rest covers the error of the normal limit, so that α holds in
the simulations too (docs/gate.md has the results)."""
UNREACHABLE = 1e9
"""A score that no data reaches."""
TINY = 1e-9
GRID: FloatArray = np.linspace(0.0, 1.0, 501, dtype=np.float64)
"""The shares of the information at which the final boundary is solved for; it is interpolated between them."""


def normal_tail(z: float) -> float:
    """Probability that a standard normal number is larger than z."""
    return 0.5 * math.erfc(z / math.sqrt(2))


@lru_cache
def early_constant(alpha: float) -> float:
    """The constant c that the score's Brownian motion has to reach (Lan and DeMets 1983)."""
    return NORMAL.inv_cdf(1 - ANY_TIME * SPENT * alpha / 2)


@lru_cache
def fixed_sample_boundary(alpha: float) -> float:
    """The boundary of a test with a single analysis."""
    return NORMAL.inv_cdf(1 - alpha)


def any_time_boundary(t: Floats, alpha: float) -> FloatArray:
    """The boundary of a promotion at any time, in standard errors, at share `t` of the information."""
    t = np.asarray(t, float)
    return np.where(t > 0, early_constant(alpha) / np.sqrt(np.maximum(t, TINY)), UNREACHABLE)


def final_boundary(t: Floats, alpha: float) -> FloatArray:
    """The boundary of a promotion at the end, in standard errors, at most `any_time_boundary`. `t` is capped at 1."""
    t = np.asarray(t, float)
    return np.where(t > 0, np.interp(t, GRID, _final_boundaries(alpha)), UNREACHABLE)


@lru_cache
def _final_boundaries(alpha: float) -> FloatArray:
    """`final_boundary` on GRID, by bisection."""
    boundaries = []
    for t in GRID:
        early = float(any_time_boundary(max(t, TINY), alpha))
        low, high = 0.0, min(early, 10.0)
        for _ in range(40):
            middle = (low + high) / 2
            spent = normal_tail(middle) + normal_tail(2 * early - middle)
            low, high = (middle, high) if spent > SPENT * alpha else (low, middle)
        boundaries.append(high)
    return np.array(boundaries)


def harm_boundary(t: Floats, alpha: float) -> FloatArray:
    """The boundary of harm at any time, in standard errors, at share `t` of the information (Robbins' mixture)."""
    t = np.asarray(t, float)
    share = MIXTURE / np.maximum(t, TINY)
    boundary = np.sqrt(2 * (1 + share) * np.log(np.sqrt((1 + share) / share) / (2 * alpha) + 1))
    return np.where(t > 0, boundary, UNREACHABLE)


def to_normal(score: Floats, freedom: Floats) -> FloatArray:
    """The normal score that is as improbable as Student's `score` with `freedom` degrees of freedom."""
    score, freedom = np.asarray(score, float), np.asarray(freedom, float)
    return np.copysign(_wallace_factor(freedom) * np.sqrt(freedom * np.log1p(score * score / freedom)), score)


def from_normal(score: Floats, freedom: Floats) -> FloatArray:
    """The inverse of `to_normal`."""
    score, freedom = np.asarray(score, float), np.asarray(freedom, float)
    power = (score / _wallace_factor(freedom)) ** 2 / freedom
    student = np.sqrt(freedom * np.expm1(np.minimum(power, 50.0)))
    return np.copysign(np.where(power < 50, student, UNREACHABLE), score)


def _wallace_factor(freedom: FloatArray) -> FloatArray:
    return (8 * freedom + 1) / (8 * freedom + 3)
