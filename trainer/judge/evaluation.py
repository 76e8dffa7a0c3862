"""How good a judge is on photos that it has not seen: accuracy on pairs of ratings, and calibration."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from storage.judge.features import FloatArray, IndexArray

CONFIDENCE_Z = 1.0
"""One-sided 84 %. A judge that is no better than chance chooses jokes that are liked like others, so a wrong yes costs
users little, while waiting for 95 % costs them the better jokes of a judge that is right (docs/judge.md)."""
FOLD_DEPENDENCE = 1.25
"""Factor of the standard error: folds share their training data, which no formula accounts for (Bengio and Grandvalet,
JMLR 5, 2004). Measured on 200 sets of ratings without any taste: the standardised accuracy had a standard deviation of
1.23 and 1.28."""
MIN_PAIRS, MIN_PHOTOS = 100, 40
"""Below these the normal approximation of the bound is not trusted."""
BINS = 10


@dataclass(frozen=True)
class PairAccuracy:
    """Pairs in which a judge ranks the better liked joke higher.

    A pair is two ratings by one user with different grades, or the two jokes of a duel. The accuracy is the mean over
    ratings of the share of their pairs that is right, so a user counts by the number of ratings, not by its square.
    `bound` is the lower end of a one-sided 84 % confidence interval.
    """

    accuracy: float
    bound: float
    pairs: int
    photos: int

    @property
    def above_chance(self) -> bool:
        """Whether the judge may be used."""
        return self.bound > 0.5 and self.pairs >= MIN_PAIRS and self.photos >= MIN_PHOTOS


@dataclass(frozen=True)
class Calibration:
    """Predicted and observed liking: `table` has (mean predicted, share liked, ratings) of each bin.

    `error` is the expected calibration error (Guo et al., ICML 2017).
    """

    error: float
    table: tuple[tuple[float, float, int], ...]

    def stored(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


def pair_accuracy(
    score: FloatArray,
    value: FloatArray,
    user: IndexArray,
    photo: IndexArray,
    duel_margin: FloatArray,
    duel_value: FloatArray,
    duel_photo: IndexArray,
) -> PairAccuracy:
    """The accuracy of scores (n) on ratings and of margins (m) on duels.

    The bound's variance is that of a U-statistic, with the influences of one photo's ratings summed, since they are
    dependent (Hoeffding, 1948; Obuchowski, Biometrics 53, 1997). The sum over ratings counts each pair of photos from
    both sides, so a rating's influence is twice its term; a duel is about one photo and counts once.
    """
    right, compared = _concordance(score, value, user)
    decided = duel_value != 0.5
    won = np.where(duel_margin == 0, 0.5, (duel_margin > 0) == (duel_value > 0.5))[decided]
    pairs = round(float(compared.sum()) / 2) + len(won)
    right = np.concatenate([np.divide(right, compared, out=np.zeros(len(right)), where=compared > 0), 2.0 * won])
    compared = np.concatenate([np.minimum(compared, 1.0), np.full(len(won), 2.0)])
    _, place = np.unique(np.concatenate([photo, duel_photo[decided]]), return_inverse=True)
    total = float(compared.sum())
    if not total:
        return PairAccuracy(0.5, 0.0, 0, 0)
    accuracy = float(right.sum()) / total
    sides = np.repeat([2.0, 1.0], [len(score), len(won)])
    influence = np.bincount(place, sides * (right - accuracy * compared))
    error = FOLD_DEPENDENCE * float(np.sqrt((influence**2).sum())) / total
    photos = int((np.bincount(place, compared) > 0).sum())
    return PairAccuracy(accuracy, accuracy - CONFIDENCE_Z * error, pairs, photos)


def _concordance(score: FloatArray, value: FloatArray, user: IndexArray) -> tuple[FloatArray, FloatArray]:
    """For each rating, the pairs with others of its user that are ranked right (ties half), and all its pairs."""
    right, compared = np.zeros(len(score)), np.zeros(len(score))
    order = np.argsort(user, kind="stable")
    edges = np.flatnonzero(np.diff(user[order], prepend=np.iinfo(np.int64).min, append=np.iinfo(np.int64).max))
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        own = order[start:end]
        for grade in np.unique(value[own]):
            members = own[value[own] == grade]
            for others, sign in ((own[value[own] < grade], 1), (own[value[own] > grade], -1)):
                ranked = np.sort(score[others])
                below = np.searchsorted(ranked, score[members], "left")
                upto = np.searchsorted(ranked, score[members], "right")
                wins = below if sign > 0 else len(others) - upto
                right[members] += wins + 0.5 * (upto - below)
                compared[members] += len(others)
    return right, compared


def calibrate(score: FloatArray, liked: NDArray[np.bool_], weight: FloatArray) -> tuple[float, float]:
    """Intercept and scale of the logistic curve from scores to P(liked) (Platt, 1999), by Newton's method.

    A weak prior keeps the scale finite and not negative.
    """
    intercept, scale = 0.0, 1.0
    spread = max(float(score.std()), 1e-6) if len(score) else 1.0
    for _ in range(30):
        probability = 1 / (1 + np.exp(-np.clip(intercept + scale * score, -30, 30)))
        gap, curve = weight * (liked - probability), weight * probability * (1 - probability)
        gradient = np.array([gap.sum() - 0.1 * intercept, gap @ score - 0.1 * spread**2 * scale])
        hessian = np.array([[curve.sum() + 0.1, curve @ score], [curve @ score, curve @ score**2 + 0.1 * spread**2]])
        step = np.linalg.solve(hessian, gradient)
        intercept, scale = intercept + float(step[0]), scale + float(step[1])
        if float(np.abs(step).max()) < 1e-6:
            break
    return intercept, max(scale, 0.0)


def measure_calibration(probability: FloatArray, liked: NDArray[np.bool_]) -> Calibration:
    """Predicted and observed liking in bins of equal size."""
    table = []
    for members in np.array_split(np.argsort(probability), min(BINS, max(len(probability) // 20, 1))):
        if len(members):
            table.append((float(probability[members].mean()), float(liked[members].mean()), len(members)))
    total = sum(count for _, _, count in table)
    error = sum(abs(predicted - seen) * count for predicted, seen, count in table) / total if total else 0.0
    return Calibration(error, tuple(table))
