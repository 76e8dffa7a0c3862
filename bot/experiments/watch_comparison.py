"""Compares a new champion's liking with its predecessor's in the days before. NumPy is imported with the first use."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from storage.learning.trial_evidence import RatedJoke

COMPARED_DAYS = 10.0
"""Days before the promotion whose ratings are compared with: the shorter, the less everybody's liking has drifted."""


@dataclass(frozen=True)
class LikingComparison:
    """The mean likings over photos before and now, and whether the new champion is suspected to be worse."""

    suspect: bool
    before: float
    now: float
    photos: int
    ratings: int

    def measures(self) -> dict[str, Any]:
        """The values as they are stored."""
        return asdict(self)


def compare_likings(before: Iterable[RatedJoke], now: Iterable[RatedJoke]) -> LikingComparison:
    """Compare the predecessor's ratings before with the new champion's."""
    import numpy as np

    from bot.experiments.suspicion import LikingSums, is_suspect

    old_means, _ = photo_means(before)
    means, ratings = photo_means(now)
    old, new = LikingSums.of_means(np.array(old_means)), LikingSums.of_means(np.array(means))
    suspect = bool(is_suspect(old, new, np.asarray(float(ratings))))
    return LikingComparison(suspect, float(old.mean), float(new.mean), len(means), ratings)


def photo_means(rated: Iterable[RatedJoke]) -> tuple[list[float], int]:
    """The mean liking of each photo, and the number of ratings."""
    likes: dict[int, list[bool]] = defaultdict(list)
    for row in rated:
        likes[row.photo_id].append(row.liked)
    return [sum(values) / len(values) for values in likes.values()], sum(map(len, likes.values()))
