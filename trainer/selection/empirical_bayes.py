"""Empirical Bayes estimate of how much better a joke is than others for the same photo.

The model is the nested random-effects one (Searle, Casella and McCulloch, "Variance Components", 1992). On the scale 0
(😐), ½ (🙂), 1 (😂) a rating of joke i of photo p is

    v = μ + φ_p + θ_i + ε,    φ ~ N(0, τ_φ²),  θ ~ N(0, τ²),  ε ~ N(0, σ²/w),

w being the rating's weight. μ and the three variances come from the pool itself by the method of moments; the posterior
of θ_i then shrinks a joke's mean towards its photo's, and that towards the pool's (Efron and Morris, "Data analysis
using Stein's estimator and its generalizations", JASA 70, 1975):

    n_i = Σ w,  s_i² = τ² + σ²/n_i,  B_i = τ²/s_i²
    φ̂_p = Σ_i (y_i − μ)/s_i² / (1/τ_φ² + Σ_i 1/s_i²),   V_p = 1/(1/τ_φ² + Σ_i 1/s_i²)
    θ_i | y ~ N( B_i (y_i − μ − φ̂_p),  τ² (1 − B_i) + B_i² V_p ).

The same formula applies to the only joke of a photo, where φ̂_p comes from the pool's prior. The selection uses P(θ_i >
0 | y).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

PRIOR_SHARES = (0.60, 0.25, 0.15)
"""Prior shares of σ², τ², τ_φ² in the variance of a rating, for pools that can't separate them.

An example is a pool with one rater or one joke a photo.
"""
PRIOR_DEGREES = 20.0
"""Weight of these shares in degrees of freedom, against those of the pool."""
MIN_VARIANCE = 1 / 24
"""A quarter of the variance of three equally frequent values; avoids division by zero for equal ratings."""
MIN_SHARE = 0.02
MAX_REFERENCE = 0.75
"""The highest reference: if nearly all ratings are 😂, 😂 still counts as better than the reference and 🙂 as worse."""


@dataclass(frozen=True)
class VarianceComponents:
    """The pool's mean and its variances: ratings within a joke, jokes within a photo, photos within the pool."""

    mean: float
    noise: float
    joke: float
    photo: float

    @property
    def reference(self) -> float:
        """The mean with which a photo without other jokes is compared."""
        return min(self.mean, MAX_REFERENCE)


@dataclass(frozen=True)
class JokeMeans:
    """Per joke: total weight of its ratings, their weighted mean (0…1; 0 if unrated), and its photo's index."""

    weight: Floats
    mean: Floats
    photo: Indices

    @property
    def photos(self) -> int:
        return int(self.photo.max(initial=-1)) + 1


def sum_by_index(index: Indices, values: Floats, length: int) -> Floats:
    """Sums (length) of the values (n) that have the same index (n)."""
    return np.bincount(index, values, length)  # type: ignore[return-value]  # the stub ignores the weights


def joke_means(value: Floats, weight: Floats, joke: Indices, photo: Indices) -> JokeMeans:
    """Weighted means of n ratings by joke; `photo` (J) gives each joke's photo, numbered from 0."""
    total = sum_by_index(joke, weight, len(photo))
    return JokeMeans(total, ratio(sum_by_index(joke, weight * value, len(photo)), total), photo)


def remove_kind_mean(value: Floats, weight: Floats, punchline: Mask) -> Floats:
    """The values (n), those of punchlines (n, bool) minus how much more these are liked than the models' jokes.

    A punchline then competes by what it is better than other punchlines, on the models' scale. The difference of the
    means is shrunk by PRIOR_DEGREES ratings, because a few of them say little about the kind.
    """
    of_kind = [float(weight[mask].sum()) for mask in (punchline, ~punchline)]
    if not all(of_kind):
        return value
    users, models = (
        float((weight[mask] * value[mask]).sum()) / total
        for mask, total in zip((punchline, ~punchline), of_kind, strict=True)
    )
    shrunk = (users - models) * of_kind[0] / (of_kind[0] + PRIOR_DEGREES)
    return value - shrunk * punchline


def estimate_pool(value: Floats, weight: Floats, joke: Indices, means: JokeMeans) -> VarianceComponents:
    """Mean and variance components by the method of moments, mixed with a prior.

    The model is a nested, unbalanced analysis of variance. Expected sums of squares: within jokes (n − J) σ²; of jokes
    within photos (J − P) σ² + c₁ τ²; of photos (P − 1) σ² + c₂ τ² + c₃ τ_φ². Each estimate weighs its degrees of
    freedom against PRIOR_DEGREES.
    """
    n, y, photo = means.weight, means.mean, means.photo
    total = n.sum()
    if total == 0:
        return VarianceComponents(0.5, *(share * MIN_VARIANCE for share in PRIOR_SHARES))
    of_photo = sum_by_index(photo, n, means.photos)
    photo_mean = ratio(sum_by_index(photo, n * y, means.photos), of_photo)
    mean = float((n * y).sum() / total)
    jokes, photos = int((n > 0).sum()), int((of_photo > 0).sum())
    spread = max(float((weight * (value - mean) ** 2).sum() / total), MIN_VARIANCE)
    squares = ratio(sum_by_index(photo, n * n, means.photos), of_photo).sum()

    noise = _mixed(
        PRIOR_SHARES[0],
        spread,
        float((weight * (value - y[joke]) ** 2).sum()),
        0.0,
        len(value) - jokes,
        len(value) - jokes,
    )
    of_jokes = float((n * (y - photo_mean[photo]) ** 2).sum())
    theta = _mixed(PRIOR_SHARES[1], spread, of_jokes, (jokes - photos) * noise, total - squares, jokes - photos)
    of_photos = float((of_photo * (photo_mean - mean) ** 2).sum())
    explained = (photos - 1) * noise + (squares - (n * n).sum() / total) * theta
    phi = _mixed(PRIOR_SHARES[2], spread, of_photos, explained, total - (of_photo**2).sum() / total, photos - 1)
    return VarianceComponents((mean * total + 1) / (total + 2), noise, theta, phi)


def _mixed(share: float, spread: float, squares: float, explained: float, coefficient: float, degrees: float) -> float:
    """One component: moment estimate and prior, weighted by degrees of freedom, at least MIN_SHARE of `spread`."""
    estimate = max((squares - explained) / coefficient, 0.0) if coefficient > 1e-9 and degrees > 0 else 0.0
    degrees = max(degrees, 0.0)
    return max((PRIOR_DEGREES * share * spread + degrees * estimate) / (PRIOR_DEGREES + degrees), MIN_SHARE * spread)


def posterior(means: JokeMeans, pool: VarianceComponents) -> Floats:
    """P(θ > 0 | ratings) of each joke; 0 without ratings."""
    precision, deviation, _ = _photo_sums(means, pool)
    return _better(means.weight, means.mean, precision[means.photo], deviation[means.photo], pool)


def posterior_without(
    means: JokeMeans, pool: VarianceComponents, value: Floats, weight: Floats, joke: Indices
) -> Floats:
    """For each rating, its joke's P(θ > 0 | all other ratings); 0 if there are none."""
    precision, deviation, own = _photo_sums(means, pool)
    n, y, photo = means.weight[joke], means.mean[joke], means.photo[joke]
    left = np.maximum(n - weight, 0.0)
    left[left < 1e-9] = 0.0
    mean = ratio(n * y - weight * value, left)
    new = np.where(left > 0, 1 / (pool.joke + ratio(np.full(len(left), pool.noise), left)), 0.0)
    old = own[joke]
    return _better(
        left,
        mean,
        precision[photo] - old + new,
        deviation[photo] - old * (y - pool.reference) + new * (mean - pool.reference),
        pool,
    )


MIN_ROW_WEIGHT = 0.01
"""Minimum of `row_weight`: a selected row is never without effect."""


def row_weight(probability: float) -> float:
    """The weight (0.01…1) of a row in the training loss: (2p − 1)², p being P(θ > 0 | ratings) of its joke.

    To first order a label that is right with probability p carries (2p − 1)² of a certain label's information: the
    capacity of a binary symmetric channel (Cover and Thomas, "Elements of Information Theory", section 7.1.4).
    """
    return max((2 * probability - 1) ** 2, MIN_ROW_WEIGHT)


def _photo_sums(means: JokeMeans, pool: VarianceComponents) -> tuple[Floats, Floats, Floats]:
    """Per photo 1/τ_φ² + Σ 1/s² and Σ (y − μ)/s²; per joke 1/s² (0 if unrated)."""
    rated = means.weight > 0
    own = np.where(rated, 1 / (pool.joke + pool.noise / np.where(rated, means.weight, 1.0)), 0.0)
    precision = 1 / pool.photo + sum_by_index(means.photo, own, means.photos)
    return precision, sum_by_index(means.photo, own * (means.mean - pool.reference), means.photos), own


def _better(weight: Floats, mean: Floats, precision: Floats, deviation: Floats, pool: VarianceComponents) -> Floats:
    rated = weight > 0
    keep = pool.joke / (pool.joke + pool.noise / np.where(rated, weight, 1.0))
    centre = keep * (mean - pool.reference - deviation / precision)
    variance = pool.joke * (1 - keep) + keep * keep / precision
    return np.where(rated, ndtr(centre / np.sqrt(variance)), 0.0)


def ratio(top: Floats, bottom: Floats) -> Floats:
    """top / bottom, 0 if bottom is 0."""
    return np.divide(top, bottom, out=np.zeros(len(bottom)), where=bottom > 0)
