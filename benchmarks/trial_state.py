"""The state of simulated trials: what each has shown and counted so far. `trial_worlds.py` fills it step by step.

A trial's sums over units are kept twice: for all users, and as what leaving each user out changes in them. A rating
changes the latter for those who rated the same joke and for no other user, so a step touches few numbers. The numbers
of one cell (trial, user, stage, variant) are neighbours in memory, because their place decides how long a step takes.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bot.experiments.trial_design import STAGES
from bot.experiments.trial_sums import EngagementSums, TrialSums, unit_weight

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
PARTS = 4
"""Numbers of a cell: of units, their weight, weighted values, weighted squares; and the same of duels."""


@dataclass
class Trials:
    """The trials that go on; each array has one entry for each of them in its first dimension.

    `sums` (n, 1, stages, variants, PARTS) and `duel_sums` (n, 1, stages, PARTS) are those of all users, `without` and
    `duels_without` (n, users, …) what leaving a user out adds to them. The second dimension of `arm`, `made_in`,
    `liking`, `wanted` and `given` is the slot: the jokes that are being rated at the same time. `counts` and `liked`
    (n, slots, users) are each user's ratings and likes of the slot's joke.
    """

    number: Ints
    sums: Array
    duel_sums: Array
    without: Array
    duels_without: Array
    engagement: EngagementSums
    ratings: Array
    picks: Array
    candidate_ratings: Array
    jokes: Array
    late: NDArray[np.bool_]
    share: Array
    stage: Ints
    start: Array
    arm: Ints
    made_in: Ints
    liking: Array
    wanted: Ints
    given: Ints
    counts: Array
    liked: Array

    def keep(self, going: NDArray[np.bool_]) -> None:
        """Drop the finished trials."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name)[going])

    def whole_sums(self) -> TrialSums:
        """The sums of all users."""
        return trial_sums(self.sums, self.duel_sums)

    def sums_of(self, rows: Ints) -> TrialSums:
        """The sums of these trials, with no user left out and with each."""
        sums, duels = self.sums[rows], self.duel_sums[rows]
        return trial_sums(
            np.concatenate([sums, sums + self.without[rows]], axis=1),
            np.concatenate([duels, duels + self.duels_without[rows]], axis=1),
        )


def empty_sums(count: int, users: int) -> tuple[Array, Array]:
    """Empty sums of units and of duels."""
    return np.zeros((count, users, STAGES, 2, PARTS)), np.zeros((count, users, STAGES, PARTS))


def trial_sums(sums: Array, duels: Array) -> TrialSums:
    """Views of the sums in the product's form."""
    return TrialSums(*(part[..., number] for part in (sums, duels) for number in range(PARTS)))


def add_rating(trials: Trials, rows: Ints, slot: Ints, arm: Ints, stage: Ints, user: Ints, value: Array) -> None:
    """Add one rating by `user` to the joke in each of these trials' slots."""
    counts, liked = trials.counts[rows, slot], trials.liked[rows, slot]
    had, likes = counts.sum(1), liked.sum(1)
    trials.engagement.ratings[rows, stage, arm] += 1
    trials.engagement.squares[rows, stage, arm] += 2 * had + 1
    change = unit_sums(had + 1, likes + value) - unit_sums(had, likes)
    trials.sums[rows, 0, stage, arm] += change
    trials.without[rows, user, stage, arm] -= change
    # Other users who rated the same joke: without them it changes by something else.
    place, other = np.nonzero(counts)
    elsewhere = other != user[place]
    place, other = place[elsewhere], other[elsewhere]
    if len(place):
        left, left_likes = had[place] - counts[place, other], likes[place] - liked[place, other]
        else_change = unit_sums(left + 1, left_likes + value[place]) - unit_sums(left, left_likes)
        trials.without[rows[place], other, stage[place], arm[place]] += else_change - change[place]
    trials.counts[rows, slot, user] += 1
    trials.liked[rows, slot, user] += value
    trials.ratings[rows] += 1
    trials.candidate_ratings[rows] += arm


def unit_sums(ratings: Array, likes: Array) -> Array:
    """What units with so many ratings and likes add to the sums, (n, PARTS)."""
    weight, mean = unit_weight(ratings), likes / np.maximum(ratings, 1.0)
    total = weight * mean
    return np.stack([(ratings > 0).astype(float), weight, total, total * mean], axis=1)


def add_pick(trials: Trials, rows: Ints, user: Ints, pick: Array) -> None:
    """Add one duel's choice by `user` to each of these trials."""
    stage, one = trials.stage[rows], np.ones(len(rows))
    change = np.stack([one, one, pick, pick**2], axis=1)
    trials.duel_sums[rows, 0, stage] += change
    trials.duels_without[rows, user, stage] -= change
    trials.picks[rows] += 1
