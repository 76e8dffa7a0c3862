"""Fits a judge. Pure: arrays in, judge out."""

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, cg

from storage.judge.dense_features import DENSE, rarity_of
from storage.judge.features import COLUMNS, FloatArray, text_features
from storage.judge.observations import Observations, SignalKind
from storage.judge.scorer import Judge, PersonalEffects

RIDGE = 3.0


def fit_judge(observations: Observations, *, prior: Judge | None = None) -> Judge:
    """A judge fitted on ratings. Raises JudgeError where there are none."""
    rated = observations.select(observations.kind == SignalKind.RATING)
    rows = text_features(rated.jokes.texts)
    matrix = csr_matrix((rows.value, (rows.row, rows.column)), (rows.count, COLUMNS))[rated.joke]
    mean = float(rated.value.mean()) if len(rated) else 0.5
    weights = _ridge(matrix, rated.value - mean)
    liked = float((rated.value > 0).mean()) if len(rated) else 0.5
    return Judge(
        weights,
        np.zeros(len(DENSE)),
        rarity_of(rated.jokes.texts),
        float(np.log((liked + 0.01) / (1.01 - liked))),
        4.0,
        {},
        PersonalEffects.none(),
        PersonalEffects.none(),
        {"ratings": len(rated), "usable": False},
    )


def _ridge(matrix: csr_matrix, target: FloatArray) -> FloatArray:
    """Ridge regression in its dual form by conjugate gradients."""
    count = len(target)
    product = LinearOperator((count, count), lambda vector: matrix @ (matrix.T @ vector) + RIDGE * vector)
    solution, _ = cg(product, target, rtol=1e-4, maxiter=200)
    return matrix.T @ solution
