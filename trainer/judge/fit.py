"""Fits a judge. Pure: arrays in, judge out.

1. Reactions become rows of a regression (`responses`), jokes become features (`design`).
2. Prior variances are estimated (`variance`).
3. Five folds of photos are predicted by fits without them. From these predictions come the raters' weights
   (`reliability`), and with them better variances and predictions, the accuracy on pairs, and the curve from scores to
   probabilities (`evaluation`).
4. All rows give the judge's weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from storage.judge.artifact import JudgeError
from storage.judge.features import SIGNATURE_COLUMNS, FloatArray, IndexArray
from storage.judge.observations import Observations, SignalKind
from storage.judge.scorer import Judge, PersonalEffects
from storage.judge.tokens import combine
from trainer.judge import design as designs
from trainer.judge.design import Design, JokeFeatures
from trainer.judge.evaluation import PairAccuracy, calibrate, measure_calibration, pair_accuracy
from trainer.judge.reliability import rater_weights
from trainer.judge.responses import Responses, make_responses, with_ballots
from trainer.judge.ridge import ROUGH, solve_ridge
from trainer.judge.variance import OF_BALLOTS, estimate_variances

FOLDS = 5
KNOWN_BLOCKS = ("text", "dense", "style", "prior")
"""Blocks of a prediction for a new photo and an unknown user."""
PERSONAL_BLOCKS = ("user", "taste", "chat")
PRIOR_SLOPE = 0.2
"""Expected correlation of a prior judge's score with a rating's response."""


@dataclass(frozen=True)
class Fitting:
    """What the steps of a fit share: n rows, their blocks, and the photo's fold (n) of each row."""

    observations: Observations
    features: JokeFeatures
    design: Design
    responses: Responses
    fold: IndexArray
    offset: FloatArray


def fit_judge(observations: Observations, *, prior: Judge | None = None) -> Judge:
    """A judge fitted on reactions of users; `prior` is a judge from which it starts, for example of another source.

    Reactions to jokes that a judge chose may be among them: which text was shown depended on the text alone, which is
    among the features, so P(liked | text) is not biased by the choice. Shares of all shown jokes would be.
    """
    if not observations.ratings:
        raise JudgeError("There are no ratings to fit a judge on.")
    fitting = _prepare(observations, prior)
    weight: FloatArray = fitting.responses.weight
    variances = _variances(fitting, weight)
    matrix, columns = fitting.design.scaled(variances)
    known, _, place = _cross_fit(fitting, matrix, columns, weight, variances["noise"])
    fitting = replace(fitting, responses=with_ballots(fitting.responses, observations, known + place))
    weight = fitting.responses.weight * _reliability(fitting, known)
    variances = _variances(fitting, weight)
    matrix, columns = fitting.design.scaled(variances)
    known, personal, _ = _cross_fit(fitting, matrix, columns, weight, variances["noise"])
    accuracy = _accuracy(fitting, known)
    rated = fitting.responses.rated
    total, liked = (known + personal)[rated], observations.value[rated] > 0
    intercept, scale = calibrate(total, liked, np.minimum(weight[rated], 1.0))
    probability = 1 / (1 + np.exp(-(intercept + scale * total)))
    effects, _ = solve_ridge(matrix, *_system(fitting, weight, variances["noise"]))
    measures = _measures(fitting, accuracy, probability, liked, variances)
    parts = {name: effects[columns[name]] * np.sqrt(variances[name]) for name in columns}
    return _assemble(fitting, parts, prior, intercept, scale, measures)


def _prepare(observations: Observations, prior: Judge | None) -> Fitting:
    features = designs.joke_features(observations.jokes)
    design = designs.make_design(observations, features, prior)
    responses = make_responses(observations)
    fold = fold_of(observations.photo)
    offset: FloatArray = np.zeros(len(observations))
    if "prior" in design.blocks:
        offset = PRIOR_SLOPE * responses.spread * np.asarray(design.blocks["prior"].toarray()).ravel()
    return Fitting(observations, features, design, responses, fold, offset)


def fold_of(photo: IndexArray) -> IndexArray:
    """The fold (n, 0 to FOLDS - 1) of photos (n); a photo is always in the same."""
    zero = np.zeros(len(photo), np.uint64)
    return (combine(photo.astype(np.uint64), zero) % np.uint64(FOLDS)).astype(np.int64)


def _variances(fitting: Fitting, weight: FloatArray) -> dict[str, float]:
    """The variances of blocks and noise, from the rows that aren't of ballots."""
    others = fitting.observations.kind != SignalKind.BALLOT
    return estimate_variances(fitting.design, fitting.responses.target - fitting.offset, weight * others)


def _system(fitting: Fitting, weight: FloatArray, noise: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    return fitting.responses.target - fitting.offset, noise / weight, fitting.observations.absolute


def _cross_fit(
    fitting: Fitting, matrix: csr_matrix, columns: Mapping[str, slice], weight: FloatArray, noise: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Predictions (n) of each fold by a fit without it: of the text for anybody, what user and place add."""
    known, personal, place = fitting.offset.copy(), np.zeros(len(fitting.offset)), np.zeros(len(fitting.offset))
    system = _system(fitting, weight, noise)
    for number in range(FOLDS):
        inside = fitting.fold == number
        if not inside.any() or inside.all():
            continue
        target, noise_variance, single = (part[~inside] for part in system)
        effects, _ = solve_ridge(matrix[~inside], target, noise_variance, single, ROUGH)
        rows = matrix[inside]
        known[inside] += rows @ _only(effects, columns, KNOWN_BLOCKS)
        personal[inside] += rows @ _only(effects, columns, PERSONAL_BLOCKS)
        place[inside] += rows @ _only(effects, columns, ("place",))
    return known, personal, place


def _only(effects: FloatArray, columns: Mapping[str, slice], names: tuple[str, ...]) -> FloatArray:
    kept = np.zeros_like(effects)
    for name in names:
        if name in columns:
            kept[columns[name]] = effects[columns[name]]
    return kept


def _reliability(fitting: Fitting, known: FloatArray) -> FloatArray:
    """The weight (n) of each row by its user."""
    rated, target = fitting.responses.rated, fitting.responses.target
    users, user = np.unique(fitting.observations.user, return_inverse=True)
    joke = fitting.observations.joke
    residual = np.where(rated, target - known, 0.0)
    others = np.bincount(joke, rated)[joke] - 1
    sum_of_others = np.bincount(joke, residual)[joke] - residual
    agreeing = np.where(others > 0, sum_of_others / (others + 4.0), 0.0)
    weights = rater_weights(target[rated], known[rated], user[rated], len(users), agreeing[rated])
    return weights[user]


def _accuracy(fitting: Fitting, known: FloatArray) -> PairAccuracy:
    observations, rated = fitting.observations, fitting.responses.rated
    duel = observations.kind == SignalKind.DUEL
    return pair_accuracy(
        known[rated],
        observations.value[rated],
        observations.user[rated],
        observations.photo[rated],
        known[duel],
        observations.value[duel],
        observations.photo[duel],
    )


def _measures(
    fitting: Fitting,
    accuracy: PairAccuracy,
    probability: FloatArray,
    liked: NDArray[np.bool_],
    variances: Mapping[str, float],
) -> dict[str, Any]:
    variances = {name: value for name, value in variances.items() if name not in OF_BALLOTS}
    total = sum(value for name, value in variances.items() if name in fitting.design.blocks or name == "noise")
    return {
        "usable": accuracy.above_chance,
        "pair_accuracy": accuracy.accuracy,
        "pair_accuracy_bound": accuracy.bound,
        "pairs": accuracy.pairs,
        "photos": accuracy.photos,
        "ratings": fitting.observations.ratings,
        "users": len(fitting.design.users),
        "calibration": measure_calibration(probability, liked).stored(),
        "variance_shares": {name: value / total for name, value in variances.items()},
    }


def _assemble(
    fitting: Fitting,
    parts: Mapping[str, FloatArray],
    prior: Judge | None,
    intercept: float,
    scale: float,
    measures: dict[str, Any],
) -> Judge:
    design, features = fitting.design, fitting.features
    weights = designs.text_weights(parts["text"])
    if prior is not None:
        slope = parts["prior"][0] + PRIOR_SLOPE * fitting.responses.spread
        weights = weights + prior.weights * (slope / designs.prior_spread(features, prior))
    taste = parts["taste"].reshape(-1, SIGNATURE_COLUMNS)
    mean_taste, mean_offset, members = designs.mean_tastes(
        fitting.observations, design, taste, parts["user"], fitting.responses.rated
    )
    group = (design.chats < 0) | ~np.isin(design.chats, design.users)
    return Judge(
        weights,
        designs.unscaled_dense(parts["dense"]),
        features.specificity,
        intercept,
        scale,
        dict(zip(design.styles, parts["style"].tolist(), strict=True)),
        PersonalEffects(design.users, parts["user"], taste),
        PersonalEffects(design.chats[group], (parts["chat"] + mean_offset)[group], mean_taste[group]),
        members[np.isin(members[:, 0], design.chats[group])],
        measures,
    )
