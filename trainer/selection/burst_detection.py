"""Weights of ratings that new users give in bursts, as a defence against accounts made to push jokes.

`trainer.selection.rater_weights` can't distinguish a group of two or three such accounts from friends of similar taste,
but the accounts are new and rate fast. A rating gets a lower weight if its rater was new at that time and gave many
ratings within minutes; either alone has no effect. Users who joined when the bot itself was new don't count as
newcomers, because a bot's first days would otherwise yield no data.

The weight doesn't depend on the time of evaluation, so it doesn't grow with the age of the account. (First ratings are
those in the evidence: ratings older than `max_age_days` are unknown.)
"""

import numpy as np
from numpy.typing import NDArray

from configs.settings import SelectionSettings
from storage.learning.rating_arrays import Ints, RatingArrays
from trainer.selection.empirical_bayes import Floats


def newcomer_weights(evidence: RatingArrays, settings: SelectionSettings) -> Floats:
    """Weights (n): `newcomer_weight` for a newcomer's rating in a burst, else 1. Unknown times give weight 1."""
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


def bursts(at: Ints, rater: Ints, ratings: int, seconds: float) -> NDArray[np.bool_]:
    """Per rating, whether it is one of at least `ratings` that its rater gave within `seconds`."""
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
