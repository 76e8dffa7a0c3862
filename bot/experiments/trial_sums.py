"""A trial's data as sums over units: by stage and variant, and with each user left out in turn.

A unit is one variant's jokes for one photo in one stage, so that eight users' ratings of one joke are one observation.
Its value is the mean liking: liked ratings over ratings, where 😂 and 🙂 are liked. A duel is a unit of its own; its
value is the mean of its users' picks: 1 for the candidate's joke, -1 for the champion's, 0 for neither. A unit's weight
is the inverse of its variance relative to a unit with one rating, the design effect (L. Kish, Survey Sampling, 1965,
section 5.4): n ratings weigh n / (1 + (n - 1) SHARED).
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bot.experiments.boundaries import FloatArray
from bot.experiments.trial_design import STAGES

IntArray = NDArray[np.int64]
SHARED = 0.25
"""Correlation of two users' ratings of one joke, assumed for the weights only: the variance is estimated from units.
The community benchmark's variances give about this; if it were 0.5, the standard error would be 2 % too small."""
MIN_USERS = 5
"""Users who must have rated before none of them may decide alone: among fewer, each is a large part of all users."""


@dataclass(frozen=True)
class TrialSums:
    """Sums over units: their number, weights, weighted values and weighted squared values.

    `units`, `weight`, `total` and `squares` have the shape (…, 3, 2), by stage and variant (0 champion, 1 candidate);
    `duels`, `duel_weight`, `picks` and `pick_squares` have the shape (…, 3). The last of the leading dimensions, if
    there is one, is the user who is left out; its index 0 leaves out none.
    """

    units: FloatArray
    weight: FloatArray
    total: FloatArray
    squares: FloatArray
    duels: FloatArray
    duel_weight: FloatArray
    picks: FloatArray
    pick_squares: FloatArray

    @classmethod
    def zeros(cls, *shape: int) -> Self:
        """Empty sums with these leading dimensions."""
        cells = [np.zeros((*shape, STAGES, 2)) for _ in range(4)]
        return cls(*cells, *(np.zeros((*shape, STAGES)) for _ in range(4)))

    def __getitem__(self, index: Any) -> Self:
        """The sums at an index of the leading dimensions."""
        return type(self)(*(getattr(self, field.name)[index] for field in fields(self)))

    @property
    def of_all_users(self) -> Self:
        """The sums that leave out no user: without the last of the leading dimensions."""
        parts = [getattr(self, field.name) for field in fields(self)]
        return type(self)(*(part[..., 0, :, :] for part in parts[:4]), *(part[..., 0, :] for part in parts[4:]))


@dataclass(frozen=True)
class EngagementSums:
    """What users did with the jokes, of shape (…, 3, 2) by stage and variant.

    `jokes` shown, their `ratings`, the sum of `squares` of the jokes' ratings, and how many got a 🔁.
    """

    jokes: FloatArray
    ratings: FloatArray
    squares: FloatArray
    again: FloatArray

    @classmethod
    def zeros(cls, *shape: int) -> Self:
        """Empty sums with these leading dimensions."""
        return cls(*(np.zeros((*shape, STAGES, 2)) for _ in range(4)))

    def __getitem__(self, index: Any) -> Self:
        """The sums at an index of the leading dimensions."""
        return type(self)(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True)
class TrialData:
    """The data of one trial, one row a rating, a pick, and a joke that was shown; duels are apart.

    `ratings`: columns photo, stage, variant, user, liked (0 or 1). `picks`: duel, stage, user, pick (-1, 0, 1).
    `jokes`: stage, variant, number of ratings, 🔁 (0 or 1).
    """

    ratings: IntArray
    picks: IntArray
    jokes: IntArray

    @classmethod
    def empty(cls) -> Self:
        """No data."""
        return cls(*(np.empty((0, columns), np.int64) for columns in (5, 4, 4)))

    def sums(self) -> TrialSums:
        """The sums, of shape (1 + users, …); (1, …) with fewer than MIN_USERS users."""
        photo, stage, variant, rater, liked = self.ratings.T
        duel, duel_stage, picker, pick = self.picks.T
        users, user = np.unique(np.concatenate([rater, picker]), return_inverse=True)
        rated, cells = 2 * stage + variant, 2 * STAGES
        ratings = sum_units(photo * cells + rated, rated, user[: len(rater)], liked, cells, len(users))
        duels = sum_units(duel, duel_stage, user[len(rater) :], pick, STAGES, len(users))
        units, weight, total, squares = (part.reshape(-1, STAGES, 2) for part in ratings)
        sums = TrialSums(units, weight, total, squares, *duels)
        return sums if len(users) >= MIN_USERS else sums[:1]

    def engagement(self) -> EngagementSums:
        """The sums of what users did with the jokes."""
        stage, variant, ratings, again = self.jokes.T
        cell = 2 * stage + variant
        jokes, rated, squares, repeated = (
            np.bincount(cell, weights, 2 * STAGES).astype(np.float64).reshape(STAGES, 2)
            for weights in (np.ones(len(cell)), ratings, ratings**2, again)
        )
        return EngagementSums(jokes, rated, squares, repeated)


def unit_weight(ratings: FloatArray) -> FloatArray:
    """The weight of a unit with that many ratings; 0 without any."""
    return ratings / (1 + np.maximum(ratings - 1, 0.0) * SHARED)


def sum_units(
    unit: IntArray, cell: IntArray, user: IntArray, value: IntArray, cells: int, users: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Numbers, weights, values and squared values of units by cell: four arrays (1 + users, cells).

    The rows are single ratings; `cell` is that of the row's unit. Row 0 has all ratings, row 1 + i those of all users
    but i: a unit that only i rated is not in it.
    """
    names, unit = np.unique(unit, return_inverse=True)
    cell_of = np.zeros(len(names), np.int64)
    cell_of[unit] = cell
    counts, totals = (np.bincount(unit, rows, len(names)).astype(np.float64) for rows in (np.ones(len(unit)), value))
    pairs, pair = np.unique(unit * max(users, 1) + user, return_inverse=True)
    of_unit, of_user = np.divmod(pairs, max(users, 1))
    count = counts[of_unit] - np.bincount(pair, minlength=len(pairs))
    total = totals[of_unit] - np.bincount(pair, value, len(pairs))
    sums: list[FloatArray] = []
    for all_users, without in zip(_parts(counts, totals), _parts(count, total), strict=True):
        part = np.tile(np.bincount(cell_of, all_users, cells).astype(np.float64), (1 + users, 1))
        np.add.at(part, (1 + of_user, cell_of[of_unit]), without - all_users[of_unit])
        sums.append(part)
    return sums[0], sums[1], sums[2], sums[3]


def _parts(count: FloatArray, total: FloatArray) -> tuple[FloatArray, ...]:
    """What units with so many ratings and likes add to the four sums."""
    weight, mean = unit_weight(count), total / np.maximum(count, 1.0)
    return (count > 0).astype(np.float64), weight, weight * mean, weight * mean**2
