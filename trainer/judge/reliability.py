"""Weights of raters: one who presses at random says nothing about jokes.

Each rater is a mixture of two: an attentive one, whose responses are normal around the prediction, and one whose
responses have the same distribution whatever the joke. The weight is the posterior probability of the first (an EM step
of Dawid and Skene's model, Applied Statistics 28, 1979, with a prediction in place of the consensus). Predictions are
those of folds without the photo, so no rater confirms itself.
"""

import numpy as np

from storage.judge.features import FloatArray, IndexArray

RANDOM_SHARE = 0.1
"""Prior share of raters who press at random."""
MIN_WEIGHT = 0.02


def rater_weights(
    target: FloatArray, predicted: FloatArray, user: IndexArray, users: int, agreeing: FloatArray
) -> FloatArray:
    """Weights (users) from targets (n) and out-of-fold predictions (n) without the user's own leniency.

    `agreeing` (n) is the mean of other users' responses to the same joke minus the prediction, 0 without others.
    """
    count = np.bincount(user, minlength=users)
    mean = np.bincount(user, target, users) / np.maximum(count, 1)
    seen = predicted + agreeing
    level = np.bincount(user, seen, users) / np.maximum(count, 1)
    own, expected = target - mean[user], seen - level[user]
    spread = float((expected**2).sum())
    if spread <= 0:
        return np.ones(users)
    # The slope of attentive raters; predictions are shrunk, so it is near 1.
    slope = float(np.clip((own @ expected) / spread, 0.05, 2.0))
    noise = max(float(((own - slope * expected) ** 2).mean()), 1e-6)
    gain = (own**2 - (own - slope * expected) ** 2) / (2 * noise)
    evidence = np.bincount(user, gain, users) + np.log((1 - RANDOM_SHARE) / RANDOM_SHARE)
    return np.maximum(1 / (1 + np.exp(-np.clip(evidence, -30, 30))), MIN_WEIGHT)
