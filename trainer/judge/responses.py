"""Turns users' reactions into the rows of a regression: a response in units of liking, and how much it counts.

A rating's response is its normal score: the mean of the part of a normal distribution that its grade stands for (Bliss,
"Statistics in Biology", 1967). Grades then need no thresholds of their own.

A duel is a row of differences: photo and leniency cancel. Its response is ±c with c = s √(π/2), s being the standard
deviation of a difference of two ratings. For small differences of worth the mean response is then that difference.

Ballots have rows by `trainer.judge.plackett_luce`.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from storage.judge.features import FloatArray, IndexArray
from storage.judge.observations import Observations, SignalKind
from trainer.judge.plackett_luce import choice_rows

WEAK = {SignalKind.ANOTHER: (0.0, 0.2), SignalKind.SILENCE: (0.6, 0.1)}
"""Weak signals: the response as a place between the response to 😐 (0) and the mean (1), and the weight."""
DUEL_WEIGHT = 2.5
"""Ratings that a duel's choice counts as."""
NOISE, CANCELLED = 0.5, 0.2
"""Shares of a rating's variance: what no effect explains, and what a difference of two ratings cancels."""


@dataclass(frozen=True)
class Responses:
    """n rows in the order of the observations: `target` and `weight` (n); `rated` (n) marks ratings.

    `variance` is that of the ratings' targets; 1 without ratings.
    """

    target: FloatArray
    weight: FloatArray
    rated: NDArray[np.bool_]
    variance: float

    @property
    def spread(self) -> float:
        """The standard deviation of the ratings' targets; 1 without ratings."""
        return float(self.target[self.rated].std()) if self.rated.any() else 1.0


def make_responses(observations: Observations) -> Responses:
    """The rows of all observations. Without ratings the targets of duels have an arbitrary scale."""
    kind, value = observations.kind, observations.value
    rated, duel = kind == SignalKind.RATING, kind == SignalKind.DUEL
    scores = normal_scores(value[rated])
    grades = grade_index(value)
    target, weight = np.zeros(len(kind)), np.ones(len(kind))
    target[rated] = scores[grades[rated]]
    variance = float(target[rated].var()) if rated.any() else 1.0
    spread = float(np.sqrt(2 * variance * (1 - CANCELLED) * np.pi / 2))
    target[duel] = spread * (2 * value[duel] - 1)
    weight[duel] = DUEL_WEIGHT * NOISE * variance / spread**2
    for signal, (place, counts) in WEAK.items():
        target[kind == signal] = scores[0] * (1 - place)
        weight[kind == signal] = counts
    return with_ballots(Responses(target, weight, rated, variance), observations, np.zeros(len(kind)))


def with_ballots(responses: Responses, observations: Observations, predicted: FloatArray) -> Responses:
    """The same responses, those of ballots renewed for these predictions (n) with the effect of the place."""
    shown = observations.ballots
    if shown is None:
        return responses
    rows = shown.ballot >= 0
    _, ballot = np.unique(shown.ballot[rows], return_inverse=True)
    target, weight = responses.target.copy(), responses.weight.copy()
    noise = NOISE * responses.variance
    target[rows], counts = choice_rows(predicted[rows], observations.value[rows], ballot, responses.variance)
    weight[rows] = np.maximum(noise * counts * shown.credit[rows], 1e-6)
    return replace(responses, target=target, weight=weight)


def grade_index(value: FloatArray) -> IndexArray:
    """0, 1 or 2 for values up to ⅓, up to ⅔ and above."""
    return np.digitize(value, [1 / 3, 2 / 3])


def normal_scores(value: FloatArray) -> FloatArray:
    """The responses (3) to 😐, 🙂 and 😂 by their shares among ratings, half a rating of each added."""
    share = (np.bincount(grade_index(value), minlength=3) + 0.5) / (len(value) + 1.5)
    edges = ndtri(np.concatenate([[0.0], np.cumsum(share)])[:3])
    density = np.append(np.exp(-edges * edges / 2) / np.sqrt(2 * np.pi), 0.0)
    return (density[:-1] - density[1:]) / share
