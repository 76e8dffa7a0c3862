"""Weights of ratings that new users give in bursts: the defence against accounts that are made to push jokes.

A group of two or three can't be told from friends of one taste (`trainer.selection.rater_weights`), but it appears
suddenly and rates fast. A rating weighs less where its rater was new at that time and gave many ratings within minutes;
either alone changes nothing. Users who came when the bot itself was new are no newcomers, or a bot's first days would
yield no data.

The weight doesn't depend on the time of evaluation, so it doesn't grow as the account ages. (First ratings are those in
the evidence: ratings older than `max_age_days` are unknown.)
"""

import numpy as np

from configs.settings import SelectionSettings
from storage.learning.rating_arrays import Ints, RatingArrays
from trainer.selection.empirical_bayes import Floats


def newcomer_weights(evidence: RatingArrays, settings: SelectionSettings) -> Floats:
    """Per rating of n: 1, or `newcomer_weight` where it is a newcomer's in a burst. Unknown times lower no weight."""
    worth = np.ones(len(evidence.value))
    if evidence.at is None or evidence.since is None or not len(worth) or not settings.newcomer_days:
        return worth
    days = settings.newcomer_days * 86400
    founder = evidence.since < evidence.since.min() + days
    young = (evidence.at < evidence.since[evidence.rater] + days) & ~founder[evidence.rater]
    worth[young & bursts(evidence.at, evidence.rater, settings.burst_ratings, settings.burst_minutes * 60)] = (
        settings.newcomer_weight
    )
    return worth


def bursts(at: Ints, rater: Ints, ratings: int, seconds: float) -> np.ndarray:
    """Per rating: whether it is one of at least so many that its rater gave within so many seconds."""
    order = np.lexsort((at, rater))
    times, raters = at[order], rater[order]
    first = np.arange(max(len(at) - ratings + 1, 0))
    last = first + ratings - 1
    dense = (raters[first] == raters[last]) & (times[last] - times[first] <= seconds)
    edges = np.zeros(len(at) + 1, np.int64)
    np.add.at(edges, first[dense], 1)
    np.add.at(edges, last[dense] + 1, -1)
    in_burst = np.zeros(len(at), bool)
    in_burst[order] = np.cumsum(edges[:-1]) > 0
    return in_burst
