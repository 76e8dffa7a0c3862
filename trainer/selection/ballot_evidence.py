"""Ballots of rounds as evidence for the posterior of their entries, beside ratings.

On a ballot of K entries with k votes an entry is expected to get q = k / K. Near equal entries, Plackett and Luce's
likelihood of the votes is that of normal responses r = b (y − q) / q with the variance b² / q and a free mean for the
ballot (`trainer.judge.plackett_luce` has the derivation), b² being 6/π² of the variance with which voters see a joke.
So a row counts as σ² q / b² ratings, with the value μ + r: a ballot says how entries compare, and their mean counts as
that of the pool.

From r are subtracted, by least squares within ballots: the effect of the place, and what users' entries in general are
liked more than the bot's, which is no merit (as `trainer.selection.empirical_bayes.remove_kind_mean` does for ratings).
"""

from dataclasses import dataclass, replace

import numpy as np

from storage.chat.ballots import BOT, GUMBEL, Ballots, count_credits
from storage.learning.rating_arrays import NO_AUTHOR, Ints, RatingArrays
from trainer.selection.empirical_bayes import Floats, Indices, Mask, VarianceComponents, ratio, sum_by_index

SHRINKAGE = 2.0
"""Ratings by which the effects of place and kind are shrunk."""


@dataclass(frozen=True)
class VoteRows:
    """n rows: how a voter's ballot speaks for an entry. `joke`, `rater` (n) are indices as in RatingArrays.

    `value` (n) is on the scale 0 to 1 of ratings but not limited to it, `weight` (n) in ratings; `voted` (n).
    """

    joke: Indices
    rater: Indices
    value: Floats
    weight: Floats
    voted: Mask

    def __len__(self) -> int:
        return len(self.joke)


NO_VOTES = VoteRows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, bool))


def with_entries(evidence: RatingArrays, ballots: Ballots) -> RatingArrays:
    """The same ratings, with the entries among the jokes and the voters among the users."""
    entry, first = np.unique(ballots.entries.joke[ballots.entry], return_index=True)
    place = ballots.entry[first]
    joke_ids, at = np.unique(np.concatenate([evidence.joke_ids, entry]), return_index=True)
    user_ids = np.unique(np.concatenate([evidence.user_ids, ballots.voter]))
    known = np.searchsorted(user_ids, evidence.user_ids)
    since = np.full(len(user_ids), np.iinfo(np.int64).max)
    if evidence.since is not None:
        since[known] = evidence.since
    authors = np.full(len(evidence.joke_ids), NO_AUTHOR) if evidence.author_ids is None else evidence.author_ids
    wrote = np.where(ballots.entries.author == BOT, NO_AUTHOR, ballots.entries.author)

    def joined(ratings: Ints, entries: Ints) -> Ints:
        return np.concatenate([ratings, entries[place]])[at]

    return replace(
        evidence,
        joke=np.searchsorted(joke_ids, evidence.joke_ids)[evidence.joke],
        rater=known[evidence.rater],
        joke_ids=joke_ids,
        photo_ids=joined(evidence.photo_ids, ballots.entries.photo),
        user_ids=user_ids,
        since=None if evidence.since is None else since,
        author_ids=joined(authors, wrote),
    )


def vote_rows(ballots: Ballots, evidence: RatingArrays, pool: VarianceComponents) -> VoteRows:
    """The rows of ballots, by the indices of `evidence`, which has their entries and voters."""
    entry, ballot = ballots.entry, ballots.ballot
    expected = sum_by_index(ballot, ballots.voted.astype(float), int(ballot.max()) + 1)[ballot]
    expected = expected / np.bincount(ballot)[ballot]
    scale = np.sqrt(GUMBEL * (pool.noise + pool.joke))
    weight = pool.noise * expected / scale**2 * count_credits(ballots)
    place = ballots.entries.place[entry]
    columns = np.stack([place, place**2 - 1 / 3, (ballots.entries.author != BOT)[entry]], axis=1).astype(float)
    response = scale * (ballots.voted - expected) / expected
    return VoteRows(
        np.searchsorted(evidence.joke_ids, ballots.entries.joke[entry]),
        np.searchsorted(evidence.user_ids, ballots.voter),
        pool.reference + without_effects(response, columns, weight, ballot),
        weight,
        ballots.voted,
    )


def without_effects(response: Floats, columns: Floats, weight: Floats, ballot: Indices) -> Floats:
    """Responses (n) minus the effects of columns (n, c), both as differences from their ballot's mean."""
    count = int(ballot.max()) + 1
    total = sum_by_index(ballot, weight, count)
    means = [ratio(sum_by_index(ballot, weight * column, count), total)[ballot] for column in columns.T]
    centred = columns - np.stack(means, axis=1)
    weighted = centred * weight[:, None]
    effects = np.linalg.solve(weighted.T @ centred + SHRINKAGE * np.eye(columns.shape[1]), weighted.T @ response)
    return response - centred @ effects
