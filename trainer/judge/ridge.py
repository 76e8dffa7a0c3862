"""The judge's regression: ridge regression with many sparse columns, solved in its dual form.

With K = M Mᵀ (M's columns scaled by the roots of their prior variances) and the rows' noise variances N, the posterior
mean of the effects is Mᵀ (K + N)⁻¹ y (Henderson's mixed model equations in another form). The system is solved by
preconditioned conjugate gradients (Hestenes and Stiefel, 1952).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, cg

from storage.judge.features import FloatArray

SingleArray = NDArray[np.float32]
TOLERANCE = 1e-3
ROUGH = 1e-2
"""Relative residuals of the final fit, and of the fits for predictions of a fold."""
MAX_ITERATIONS = 300
MEAN_VARIANCE = 10.0
"""Prior variance of the mean of all rows, relative to the noise: practically free."""


def solve_ridge(
    matrix: csr_matrix, target: FloatArray, noise: FloatArray, single: FloatArray, tolerance: float = TOLERANCE
) -> tuple[FloatArray, float]:
    """The effects (columns) and the mean of rows with a mean; `single` (n) is 1 for those, 0 for differences."""
    count, (small, used) = len(target), packed(matrix)
    transposed, scale = small.T.tocsr(), noise.astype(np.float32)
    free, ones = np.float32(MEAN_VARIANCE * float(noise.mean()) if count else 1.0), single.astype(np.float32)

    def product(vector: SingleArray) -> SingleArray:
        return small @ (transposed @ vector) + free * ones * (ones @ vector) + scale * vector

    diagonal = np.asarray(small.multiply(small).sum(1)).ravel() + free * ones + scale
    solution, _ = cg(
        LinearOperator((count, count), product, dtype=np.float32),
        target.astype(np.float32),
        rtol=tolerance,
        maxiter=MAX_ITERATIONS,
        M=LinearOperator((count, count), lambda vector: vector / diagonal, dtype=np.float32),
    )
    effects = np.zeros(matrix.shape[1])
    effects[used] = transposed @ solution
    return effects, float(free * (ones @ solution))


def packed(matrix: csr_matrix) -> tuple[csr_matrix, NDArray[np.int64]]:
    """The matrix in single precision without its empty columns, and the numbers of the others.

    A product reads the whole matrix and a vector as long as its columns, so it takes as long as they take memory.
    """
    filled = np.bincount(matrix.indices, minlength=matrix.shape[1]) > 0
    place = (np.cumsum(filled) - 1).astype(np.int32)
    parts = matrix.data.astype(np.float32), place[matrix.indices], matrix.indptr
    return csr_matrix(parts, shape=(matrix.shape[0], int(filled.sum()))), np.flatnonzero(filled)
