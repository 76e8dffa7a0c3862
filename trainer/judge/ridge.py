"""The judge's regression: ridge regression with many sparse columns, solved in its dual form.

With K = M Mᵀ (M's columns scaled by the roots of their prior variances) and the rows' noise variances N, the posterior
mean of the effects is Mᵀ (K + N)⁻¹ y (Henderson's mixed model equations in another form). The system is solved by
preconditioned conjugate gradients (Hestenes and Stiefel, 1952).
"""

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, cg

from storage.judge.features import FloatArray

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
    count, transposed = len(target), matrix.T.tocsr()
    free = MEAN_VARIANCE * float(noise.mean()) if count else 1.0

    def product(vector: FloatArray) -> FloatArray:
        return matrix @ (transposed @ vector) + free * single * float(single @ vector) + noise * vector

    diagonal = np.asarray(matrix.multiply(matrix).sum(1)).ravel() + free * single + noise
    solution, _ = cg(
        LinearOperator((count, count), product),
        target,
        rtol=tolerance,
        maxiter=MAX_ITERATIONS,
        M=LinearOperator((count, count), lambda vector: vector / diagonal),
    )
    return transposed @ solution, free * float(single @ solution)
