"""Scores rated jokes, and decides which are good enough to train on.

`score_jokes` weights the ratings (`trainer.selection.rater_weights`) and computes for each joke the posterior
probability that it is better than other jokes of its photo (`trainer.selection.empirical_bayes` has the formula and its
source). Punchlines of users are scored with the models' jokes, without what their kind is liked more.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from configs.settings import SelectionSettings
from storage.learning.rating_arrays import NO_AUTHOR, RatingArrays
from trainer.selection.burst_detection import newcomer_weights
from trainer.selection.empirical_bayes import (
    Floats,
    Indices,
    JokeMeans,
    Mask,
    VarianceComponents,
    estimate_pool,
    joke_means,
    posterior,
    posterior_without,
    remove_kind_mean,
)
from trainer.selection.rater_weights import WeightedRatings, unweighed, weight_ratings


@dataclass(frozen=True)
class JokeScores:
    """Scores of J jokes.

    `posterior`, `mean` (1…3, weighted), `raters` (effective number) and `good` (may be trained on) are per joke.
    `pivotal_raters` maps each good joke to the raters (indices) without whom it would not be good; `rejected` counts
    the other jokes by reason.
    """

    evidence: RatingArrays
    weighed: WeightedRatings
    pool: VarianceComponents
    posterior: Floats
    mean: Floats
    raters: Floats
    good: Mask
    pivotal_raters: dict[int, list[int]]
    rejected: dict[str, int]

    def verdicts(self, joke_ids: Indices) -> dict[int, dict[int, tuple[int, float]]]:
        """Rating (1…3) and weight by user, for each of these jokes that has ratings."""
        rated = self.evidence
        verdicts: defaultdict[int, dict[int, tuple[int, float]]] = defaultdict(dict)
        requested = np.isin(rated.joke_ids, joke_ids)[rated.joke]
        columns = (
            rated.joke_ids[rated.joke[requested]],
            rated.user_ids[rated.rater[requested]],
            rated.value[requested],
            self.weighed.weight[requested],
        )
        for joke, person, value, weight in zip(*(column.tolist() for column in columns), strict=True):
            verdicts[joke][person] = value, weight
        return verdicts


def score_jokes(evidence: RatingArrays, settings: SelectionSettings) -> JokeScores:
    """Score every rated joke."""
    jokes, value = len(evidence.joke_ids), (evidence.value - 1) / 2
    _, photo = np.unique(evidence.photo_ids, return_inverse=True)
    weighed = (
        weight_ratings(
            value, evidence.joke, evidence.rater, jokes, len(evidence.user_ids), newcomer_weights(evidence, settings)
        )
        if settings.weigh_raters
        else unweighed(value, jokes)
    )
    if evidence.author_ids is not None:
        punchline = (evidence.author_ids != NO_AUTHOR)[evidence.joke]
        weighed = replace(weighed, value=remove_kind_mean(weighed.value, weighed.weight, punchline))
    means = joke_means(weighed.value, weighed.weight, evidence.joke, photo)
    pool = estimate_pool(weighed.value, weighed.weight, evidence.joke, means)
    plain = joke_means(value, weighed.weight, evidence.joke, photo).mean * 2 + 1
    better = posterior(means, pool)
    tests = {
        "too few raters": means.weight + 0.5 < settings.min_raters,
        "pushed by a block or by newcomers": weighed.contested,
        "not liked enough": plain < settings.min_mean - 1e-9,
        "not surely better than others": better < settings.min_posterior,
    }
    good, rejected = np.ones(jokes, bool), {}
    for reason, failed in tests.items():
        rejected[reason] = int((good & failed).sum())
        good &= ~failed

    scores = JokeScores(evidence, weighed, pool, better, plain, means.weight, good, {}, rejected)
    scores.pivotal_raters.update(find_pivotal_raters(scores, means, settings))
    return scores


def find_pivotal_raters(scores: JokeScores, means: JokeMeans, settings: SelectionSettings) -> dict[int, list[int]]:
    """For each good joke, the raters without whose rating it would not be good."""
    evidence, weight = scores.evidence, scores.weighed.weight
    total = scores.raters[evidence.joke]
    left = total - weight
    plain = scores.mean[evidence.joke] * total - evidence.value * weight
    plain = np.divide(plain, left, out=np.zeros(len(left)), where=left > 1e-9)
    better = posterior_without(means, scores.pool, scores.weighed.value, weight, evidence.joke)
    needed = scores.good[evidence.joke] & (
        (left + 0.5 < settings.min_raters) | (better < settings.min_posterior) | (plain < settings.min_mean - 1e-9)
    )
    pivotal: dict[int, list[int]] = defaultdict(list)
    for joke, rater in zip(evidence.joke[needed].tolist(), evidence.rater[needed].tolist(), strict=True):
        pivotal[joke].append(rater)
    return pivotal
