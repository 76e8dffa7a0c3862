"""Rows of made trials, for the tests of their analysis."""

from collections.abc import Iterable, Sequence

import numpy as np

from bot.experiments.trial_design import LATE
from bot.experiments.trial_sums import TrialData


class Rows:
    """Collects ratings, picks and jokes; every rating is of a photo of its own unless `photo` says otherwise."""

    def __init__(self, users: int = 40) -> None:
        self.users, self.photos, self.duels = users, 0, 0
        self.ratings: list[Sequence[int]] = []
        self.picks: list[Sequence[int]] = []
        self.jokes: list[Sequence[int]] = []

    def rated(self, variant: int, likes: int, others: int, stage: int = LATE, user: int | None = None) -> "Rows":
        """Ratings of as many photos; the users take turns, or it is one user. Likes and others are mixed evenly."""
        total = likes + others
        for number in range(total):
            liked = int((number + 1) * likes / total) - int(number * likes / total) if total else 0
            self.photo(variant, [liked], stage, user)
        return self

    def photo(self, variant: int, liked: Iterable[int], stage: int = LATE, user: int | None = None) -> "Rows":
        """A photo's ratings by different users."""
        self.photos += 1
        values = list(liked)
        for number, value in enumerate(values):
            # A step that shares no factor with the number of users, so that no user gets only likes.
            rater = (self.photos * 7 + number) % self.users if user is None else user
            self.ratings.append((self.photos, stage, variant, rater, value))
        self.jokes.append((stage, variant, len(values), 0))
        return self

    def picked(self, picks: Iterable[int], stage: int = LATE) -> "Rows":
        """A duel for each pick."""
        for pick in picks:
            self.duels += 1
            self.picks.append((self.duels, stage, self.duels * 7 % self.users, pick))
        return self

    def silent(self, variant: int, jokes: int, stage: int = LATE, again: int = 0) -> "Rows":
        """Jokes that no user rated; `again`: how many of them got a 🔁."""
        self.jokes += [(stage, variant, 0, int(number < again)) for number in range(jokes)]
        return self

    def data(self) -> TrialData:
        """All rows."""
        return TrialData(
            *(
                np.array(rows, np.int64).reshape(-1, columns)
                for rows, columns in ((self.ratings, 5), (self.picks, 4), (self.jokes, 4))
            )
        )
