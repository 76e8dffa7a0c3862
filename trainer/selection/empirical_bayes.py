"""Empirical Bayes on the ratings: how much better is a joke than others for the same photo?

The model is the nested random-effects one (Searle, Casella and McCulloch, "Variance Components", 1992). On the scale
0 (😐), ½ (🙂), 1 (😂) a rating of joke i of photo p is

    v = μ + φ_p + θ_i + ε,    φ ~ N(0, τ_φ²),  θ ~ N(0, τ²),  ε ~ N(0, σ²/w),

w being the rating's weight. μ and the three variances come from the pool itself by the method of moments; the posterior
of θ_i then shrinks a joke's mean towards its photo's, and that towards the pool's (Efron and Morris, "Data analysis
using Stein's estimator and its generalizations", JASA 70, 1975):

    n_i = Σ w,  s_i² = τ² + σ²/n_i,  B_i = τ²/s_i²
    φ̂_p = Σ_i (y_i − μ)/s_i² / (1/τ_φ² + Σ_i 1/s_i²),   V_p = 1/(1/τ_φ² + Σ_i 1/s_i²)
    θ_i | y ~ N( B_i (y_i − μ − φ̂_p),  τ² (1 − B_i) + B_i² V_p ).

A joke that is its photo's only one is judged by the same formula: there φ̂_p knows no more than the pool's prior. What
is asked of a joke is P(θ_i > 0 | y).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

PRIOR_SHARES = (0.60, 0.25, 0.15)
"""Shares of σ², τ², τ_φ² in the variance of a rating, where the pool can't tell them apart (one rater, one joke a
photo).
"""
PRIOR_DEGREES = 20.0
"""What these shares weigh, in degrees of freedom, against those of the pool."""
MIN_VARIANCE = 1 / 24
"""A quarter of what three equally frequent verdicts have: keeps a pool of like verdicts from dividing by nothing."""
MIN_SHARE = 0.02
MAX_REFERENCE = 0.75
"""The highest reference: where nearly all verdicts are 😂, 😂 still counts as better than it and 🙂 as worse."""


@dataclass(frozen=True)
class VarianceComponents:
    """The pool's mean and variances: of ratings about their joke, jokes about their photo, photos about the pool."""

    mean: float
    noise: float
    joke: float
    photo: float

    @property
    def reference(self) -> float:
        """The mean that a photo without other jokes is compared with."""
        return min(self.mean, MAX_REFERENCE)


@dataclass(frozen=True)
class JokeMeans:
    """Per joke: the weight of its ratings, their weighted mean (0…1; 0 where unrated), and its photo's index."""

    weight: Floats
    mean: Floats
    photo: Indices

    @property
    def photos(self) -> int:
        return int(self.photo.max(initial=-1)) + 1


def joke_means(value: Floats, weight: Floats, joke: Indices, photo: Indices) -> JokeMeans:
    """Weighted means of n ratings by joke; `photo` (J) gives each joke's photo, numbered from 0."""
    total = np.bincount(joke, weight, len(photo))
    return JokeMeans(total, ratio(np.bincount(joke, weight * value, len(photo)), total), photo)


def estimate_pool(value: Floats, weight: Floats, joke: Indices, means: JokeMeans) -> VarianceComponents:
    """Mean and variance components by the method of moments (nested analysis of variance, unbalanced), mixed with a
    prior.

    Expected sums of squares: within jokes (n − J) σ²; of jokes within photos (J − P) σ² + c₁ τ²; of photos
    (P − 1) σ² + c₂ τ² + c₃ τ_φ². Each estimate weighs its degrees of freedom against PRIOR_DEGREES.
    """
    n, y, photo = means.weight, means.mean, means.photo
    total = n.sum()
    if total == 0:
        return VarianceComponents(0.5, *(share * MIN_VARIANCE for share in PRIOR_SHARES))
    of_photo = np.bincount(photo, n, means.photos)
    photo_mean = ratio(np.bincount(photo, n * y, means.photos), of_photo)
    mean = float((n * y).sum() / total)
    jokes, photos = int((n > 0).sum()), int((of_photo > 0).sum())
    spread = max(float((weight * (value - mean) ** 2).sum() / total), MIN_VARIANCE)
    squares = ratio(np.bincount(photo, n * n, means.photos), of_photo).sum()

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
    """One component: its moment estimate and its prior, weighed by degrees of freedom, and never quite nothing."""
    estimate = max((squares - explained) / coefficient, 0.0) if coefficient > 1e-9 and degrees > 0 else 0.0
    degrees = max(degrees, 0.0)
    return max((PRIOR_DEGREES * share * spread + degrees * estimate) / (PRIOR_DEGREES + degrees), MIN_SHARE * spread)


def posterior(means: JokeMeans, pool: VarianceComponents) -> Floats:
    """P(θ > 0 | ratings) for each joke; 0 for one without ratings."""
    precision, deviation, _ = _photo_sums(means, pool)
    return _better(means.weight, means.mean, precision[means.photo], deviation[means.photo], pool)


def posterior_without(
    means: JokeMeans, pool: VarianceComponents, value: Floats, weight: Floats, joke: Indices
) -> Floats:
    """For each rating: its joke's P(θ > 0 | all ratings but this one); 0 where no other is left."""
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


def _photo_sums(means: JokeMeans, pool: VarianceComponents) -> tuple[Floats, Floats, Floats]:
    """Per photo 1/τ_φ² + Σ 1/s² and Σ (y − μ)/s²; per joke 1/s² (0 where unrated)."""
    rated = means.weight > 0
    own = np.where(rated, 1 / (pool.joke + pool.noise / np.where(rated, means.weight, 1.0)), 0.0)
    precision = 1 / pool.photo + np.bincount(means.photo, own, means.photos)
    return precision, np.bincount(means.photo, own * (means.mean - pool.reference), means.photos), own


def _better(weight: Floats, mean: Floats, precision: Floats, deviation: Floats, pool: VarianceComponents) -> Floats:
    rated = weight > 0
    keep = pool.joke / (pool.joke + pool.noise / np.where(rated, weight, 1.0))
    centre = keep * (mean - pool.reference - deviation / precision)
    variance = pool.joke * (1 - keep) + keep * keep / precision
    return np.where(rated, ndtr(centre / np.sqrt(variance)), 0.0)


def ratio(top: Floats, bottom: Floats) -> Floats:
    """top / bottom, 0 where bottom is 0."""
    return np.divide(top, bottom, out=np.zeros(len(bottom)), where=bottom > 0)
