"""What newcomers in a hurry are worth: the defence against accounts that are made to push jokes.

A brigade of two or three is too small to be told from friends of one taste (`trainer.raters`), but it comes suddenly and
rates fast. A rating counts less where its rater was new when they gave it and gave many within minutes. Either alone is no
offence: people who are new are welcome, and people who have been here for long may rate as they like. Whoever came when
the bot itself was new is no newcomer, or a bot's first days would teach nothing.

What a rating is worth doesn't depend on when one looks, so it isn't worth more once its rater has become old. (First ratings are
those among the evidence: what is older than `max_age_days` is not remembered.)
"""
import numpy as np

from configs.settings import Selection
from storage.evidence import Evidence, Ints
from trainer.estimate import Floats


def standing(evidence: Evidence, settings: Selection) -> Floats:
    """Per rating of n: 1, or `newcomer_weight` where it is a newcomer's in a burst. Times that aren't known harm nobody."""
    worth = np.ones(len(evidence.value))
    if evidence.at is None or evidence.since is None or not len(worth) or not settings.newcomer_days:
        return worth
    days = settings.newcomer_days * 86400
    founder = evidence.since < evidence.since.min() + days
    young = (evidence.at < evidence.since[evidence.rater] + days) & ~founder[evidence.rater]
    worth[young & bursts(evidence.at, evidence.rater, settings.burst_ratings, settings.burst_minutes * 60)] = settings.newcomer_weight
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
