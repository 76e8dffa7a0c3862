"""Ballots of rounds as rows of the judge's regression.

A voter chooses up to two of K entries. Under Plackett and Luce's model (Luce, "Individual Choice Behavior", 1959;
Plackett, Applied Statistics 24, 1975) the first choice is entry i with probability p_i = exp(z_i / b) / Σ exp(z_j / b),
and the second one follows the same rule among the others. The order of two votes isn't known, so the likelihood is the
sum over both orders. Its gradient in z_i / b is y_i − q_i, with votes y and expected votes q given the chosen set (an
E-step over the order).

One Newton step from predictions z is a weighted regression with the responses z_i + b (y_i − q_i) / q_i, the weights
q_i / b² and a free mean for each ballot (McCullagh and Nelder, "Generalized Linear Models", section 2.5), so a ballot
adds K rows beside those of ratings. The place on the ballot is part of z while fitting: its effect is linear and
quadratic from the first to the last, and is no part of a score.
"""

import numpy as np
from scipy.sparse import csr_matrix

from storage.chat.ballots import GUMBEL
from storage.judge.features import FloatArray, IndexArray

CHOICE_NOISE = 0.6
"""Variance of what an entry's text does not predict, as seen by a voter, relative to that of ratings."""


def place_effects(place: FloatArray, shown: FloatArray) -> csr_matrix:
    """The columns (n, 2) of places from -1 to 1; 0 where `shown` (n) is 0."""
    return csr_matrix(np.stack([place * shown, (place**2 - 1 / 3) * shown], axis=1))


def choice_rows(
    predicted: FloatArray, voted: FloatArray, ballot: IndexArray, variance: float
) -> tuple[FloatArray, FloatArray]:
    """Responses (n) and weights (n, 1 / noise variance) of the rows of ballots; ratings have this `variance`.

    `predicted` (n) is z from data without these ballots, `voted` (n) 1 or 0, `ballot` (n) numbers the ballots from 0.
    """
    scale = np.sqrt(GUMBEL * CHOICE_NOISE * variance)
    expected = expected_votes(choice_shares(predicted / scale, ballot), voted, ballot)
    return predicted + scale * (voted - expected) / expected, expected / scale**2


def choice_shares(utility: FloatArray, ballot: IndexArray) -> FloatArray:
    """The probability (n) of each entry to be the first choice of its ballot."""
    highest = np.full(int(ballot.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(highest, ballot, utility)
    odds = np.exp(utility - highest[ballot])
    return np.maximum(odds / np.bincount(ballot, odds)[ballot], 1e-6)


def expected_votes(share: FloatArray, voted: FloatArray, ballot: IndexArray) -> FloatArray:
    """q (n), the expected votes given the chosen set, of ballots with one vote or two."""
    after = voted / np.maximum(1 - share, 1e-6)
    total, squares = np.bincount(ballot, after), np.bincount(ballot, after**2)
    with_second = share * (1 + (squares[ballot] - after**2) / total[ballot])
    return np.where(np.bincount(ballot, voted)[ballot] > 1, with_second, share)
