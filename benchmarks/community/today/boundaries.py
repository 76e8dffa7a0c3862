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
"""

import math
from functools import lru_cache
from statistics import NormalDist

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


def any_time_boundary(t: float, alpha: float) -> float:
    """The boundary of a promotion at any time, in standard errors, at share `t` of the information."""
    return early_constant(alpha) / math.sqrt(t) if t > 0 else UNREACHABLE


@lru_cache(maxsize=4096)
def final_boundary(t: float, alpha: float) -> float:
    """The boundary of a promotion at the end, in standard errors, at most `any_time_boundary`. `t` is capped at 1."""
    early = any_time_boundary(min(t, 1.0), alpha)
    low, high = 0.0, early
    for _ in range(60):
        middle = (low + high) / 2
        spent = normal_tail(middle) + normal_tail(2 * early - middle)
        low, high = (middle, high) if spent > SPENT * alpha else (low, middle)
    return high


def harm_boundary(t: float, alpha: float) -> float:
    """The boundary of harm at any time, in standard errors, at share `t` of the information (Robbins' mixture)."""
    if t <= 0:
        return UNREACHABLE
    share = MIXTURE / t
    return math.sqrt(2 * (1 + share) * math.log(math.sqrt((1 + share) / share) / (2 * alpha) + 1))


def to_normal(score: float, freedom: float) -> float:
    """The normal score that is as improbable as Student's `score` with `freedom` degrees of freedom."""
    return math.copysign(wallace_factor(freedom) * math.sqrt(freedom * math.log1p(score * score / freedom)), score)


def from_normal(score: float, freedom: float) -> float:
    """The inverse of `to_normal`."""
    power = (score / wallace_factor(freedom)) ** 2 / freedom
    return (
        math.copysign(math.sqrt(freedom * math.expm1(power)), score)
        if power < 50
        else math.copysign(UNREACHABLE, score)
    )


def wallace_factor(freedom: float) -> float:
    return (8 * freedom + 1) / (8 * freedom + 3)
