"""Scores rated jokes, and decides which are good enough to train on.

`score_jokes` weights the ratings (`trainer.selection.rater_weights`) and computes for each joke the posterior
probability that it is better than other jokes of its photo (`trainer.selection.empirical_bayes` has the formula and its
source). Punchlines of users are scored with the models' jokes, without what their kind is liked more. Ballots of rounds
count beside ratings (`trainer.selection.ballot_evidence`).
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from configs.settings import SelectionSettings
from storage.chat.ballots import Ballots
from storage.learning.rating_arrays import NO_AUTHOR, RatingArrays
from trainer.selection.ballot_evidence import NO_VOTES, VoteRows, vote_rows, with_entries
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
    ratio,
    remove_kind_mean,
    sum_by_index,
)
from trainer.selection.rater_weights import WeightedRatings, unweighed, weight_ratings


@dataclass(frozen=True)
class JokeScores:
    """Scores of J jokes. `votes` are the rows of ballots.

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
    votes: VoteRows = NO_VOTES

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

    def ballots(self, joke_ids: Indices) -> dict[int, dict[int, tuple[bool, float]]]:
        """Whether a voter chose the joke, and the weight, by user, for each of these jokes that was on ballots."""
        rows, found = self.votes, defaultdict[int, dict[int, tuple[bool, float]]](dict)
        requested = np.isin(self.evidence.joke_ids, joke_ids)[rows.joke]
        columns = (
            self.evidence.joke_ids[rows.joke[requested]],
            self.evidence.user_ids[rows.rater[requested]],
            rows.voted[requested],
            rows.weight[requested],
        )
        for joke, person, voted, weight in zip(*(column.tolist() for column in columns), strict=True):
            found[joke][person] = voted, weight
        return found


def score_jokes(evidence: RatingArrays, settings: SelectionSettings, ballots: Ballots | None = None) -> JokeScores:
    """Score every joke that was rated or on one of the ballots."""
    if ballots is not None and len(ballots):
        evidence = with_entries(evidence, ballots)
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
    rated = joke_means(weighed.value, weighed.weight, evidence.joke, photo)
    pool = estimate_pool(weighed.value, weighed.weight, evidence.joke, rated)
    votes = NO_VOTES if ballots is None or not len(ballots) else vote_rows(ballots, evidence, pool)
    joke = np.concatenate([evidence.joke, votes.joke])
    weight = np.concatenate([weighed.weight, votes.weight])
    means = joke_means(np.concatenate([weighed.value, votes.value]), weight, joke, photo)
    better = posterior(means, pool)
    plain = joke_means(np.concatenate([value, votes.value]), weight, joke, photo).mean * 2 + 1
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

    scores = JokeScores(evidence, weighed, pool, better, plain, means.weight, good, {}, rejected, votes)
    scores.pivotal_raters.update(find_pivotal_raters(scores, means, settings))
    return scores


def find_pivotal_raters(scores: JokeScores, means: JokeMeans, settings: SelectionSettings) -> dict[int, list[int]]:
    """For each good joke, the raters and voters without whom it would not be good."""
    evidence, votes = scores.evidence, scores.votes
    both = np.concatenate([evidence.joke, votes.joke]), np.concatenate([evidence.rater, votes.rater])
    key = both[0] * (len(evidence.user_ids) + 1) + both[1]
    keys, row = np.unique(key, return_inverse=True)
    joke, rater = np.divmod(keys, len(evidence.user_ids) + 1)
    weights = np.concatenate([scores.weighed.weight, votes.weight])
    weight = sum_by_index(row, weights, len(keys))
    grades = np.concatenate([evidence.value, 2 * votes.value + 1])
    values = np.concatenate([scores.weighed.value, votes.value])
    grade, value = (ratio(sum_by_index(row, weights * each, len(keys)), weight) for each in (grades, values))
    left = scores.raters[joke] - weight
    plain = ratio(scores.mean[joke] * scores.raters[joke] - grade * weight, np.where(left > 1e-9, left, 0.0))
    better = posterior_without(means, scores.pool, value, weight, joke)
    needed = scores.good[joke] & (
        (left + 0.5 < settings.min_raters) | (better < settings.min_posterior) | (plain < settings.min_mean - 1e-9)
    )
    pivotal: dict[int, list[int]] = defaultdict(list)
    for index, person in zip(joke[needed].tolist(), rater[needed].tolist(), strict=True):
        pivotal[index].append(person)
    return pivotal
