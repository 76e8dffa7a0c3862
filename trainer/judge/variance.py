"""Prior variances of the design's blocks by Haseman-Elston regression with randomised traces.

E[y yᵀ] = Σ s_g K_g + s I, with K_g = X_g X_gᵀ. The moments yᵀK_g y give a linear system for s whose coefficients
tr(K_g K_h) are estimated with random vectors (Wu and Sankararaman, "A scalable estimator of SNP heritability for
biobank-scale data", Bioinformatics 34, 2018). The estimate is the non-negative solution of that system and of a prior,
weighted by their precisions, because few hundred ratings say little about a variance.
"""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import nnls
from scipy.sparse import csr_matrix

from storage.judge.features import FloatArray
from trainer.judge.design import Design

PRIOR = {"text": 0.18, "user": 0.10, "taste": 0.03, "chat": 0.02, "photo": 0.12, "joke": 0.12}
"""Prior shares of the blocks in a response's variance; the noise has the rest."""
FIXED = {"dense": 0.03, "style": 0.02, "prior": 0.03}
"""Shares that are not estimated: too few columns."""
OF_BALLOTS = {"place": 0.05, "ballot": 4.0}
"""Variances of blocks that only ballots have, relative to a rating's. The mean of a ballot's entries is nearly free."""
PRIOR_ERROR = 0.3
"""Standard error of a prior share, relative to it."""
PROBES = 40
MIN_NOISE, MIN_TEXT = 0.2, 0.03
"""Least shares of the noise and of the text; with less a judge would learn nothing from thousands of ratings."""
TRUSTED = 0.5
"""Rows with a lower weight, of weak signals or of raters who press at random, don't count here."""
MAX_ROWS = 4000
"""Rows on which variances are estimated; more change nothing."""


def estimate_variances(design: Design, target: FloatArray, weight: FloatArray, seed: int = 0) -> dict[str, float]:
    """The variance of each block's effects and of the `noise` of a row with weight 1."""
    rng = np.random.default_rng(seed)
    whole = np.flatnonzero(weight >= TRUSTED)
    rows = np.sort(rng.permutation(whole)[:MAX_ROWS])
    total = float(target[rows].var()) if len(rows) > 1 else 1.0
    total = total if total > 0 else 1.0
    fixed = {name: share * total for name, share in {**FIXED, **OF_BALLOTS}.items()}
    prior = {name: PRIOR[name] * total for name in design.blocks if name in PRIOR}
    prior["noise"] = total * (1 - sum(PRIOR.values()) - sum(FIXED[name] for name in FIXED if name in design.blocks))
    blocks = {name: design.blocks[name][rows] for name in prior if name != "noise"}
    found = _moments(blocks, target[rows], prior, total, rng) if len(rows) > 1 else prior
    found["text"] = max(found["text"], MIN_TEXT * total)
    return {**fixed, **found, "noise": max(found["noise"], MIN_NOISE * total)}


def _moments(
    blocks: Mapping[str, csr_matrix],
    target: FloatArray,
    prior: Mapping[str, float],
    total: float,
    rng: np.random.Generator,
) -> dict[str, float]:
    probes = _centred(rng.choice([-1.0, 1.0], (len(target), PROBES)))
    centred = _centred(target)
    images = [_centred(block @ (block.T @ probes)) for block in blocks.values()] + [probes]
    traces = np.array([[float((left * right).sum()) / PROBES for right in images] for left in images])
    moments = np.array([float(((block.T @ centred) ** 2).sum()) for block in blocks.values()] + [centred @ centred])
    factor = np.linalg.cholesky((traces + traces.T) / 2 + 1e-6 * np.trace(traces) * np.eye(len(images)))
    expected = np.array([prior[name] for name in (*blocks, "noise")])
    # The moments' sampling covariance is about 2 total² times the traces.
    scale = np.sqrt(2.0) * total
    left = np.vstack([factor.T / scale, np.diag(1 / (PRIOR_ERROR * expected))])
    right = np.concatenate([np.linalg.solve(factor, moments) / scale, np.full(len(expected), 1 / PRIOR_ERROR)])
    solution, _ = nnls(left, right)
    return dict(zip((*blocks, "noise"), solution.tolist(), strict=True))


def _centred(values: FloatArray) -> FloatArray:
    return values - values.mean(0)
