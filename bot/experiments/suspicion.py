"""Is a new champion suspected to be worse than its predecessor? A comparison of before and after; it decides nothing.

Before and after compares two times, not two models: where everybody's liking falls, an equal champion looks worse, and
where it rises, a worse one looks equal. So a suspicion only starts a randomised trial of the predecessor, and it may be
wrong often: it must find a real fall early, before the trial has used up the watch's ratings. The comparison is with
the predecessor's last days only, so that a drift matters little.
"""

from dataclasses import dataclass

import numpy as np

from bot.experiments.boundaries import BoolArray, FloatArray

MIN_PREDECESSOR_PHOTOS, MIN_CHAMPION_PHOTOS = 50, 10
"""Minimum of rated photos of each model; below it nothing is suspected."""
FIRST_RATINGS, LATER_RATINGS = 60, 200
"""Ratings of the new champion at which the threshold changes."""
EARLY_SCORE, FIRST_SCORE, LATER_SCORE = -2.5, 0.0, -1.0
"""The score, in standard errors, below which the champion is suspected: before FIRST_RATINGS, until LATER_RATINGS, and
afterwards. In between it is suspected whenever its jokes are not liked more than its predecessor's were."""
PRIOR, LARGEST_VARIANCE = 2.0, 0.25
"""Photos with the largest possible variance that each variance estimate begins with."""


@dataclass(frozen=True)
class LikingSums:
    """One model's rated photos: their number, the sum of their mean likings, and of its squares; arrays (…)."""

    photos: FloatArray
    total: FloatArray
    squares: FloatArray

    @classmethod
    def of_means(cls, means: FloatArray) -> "LikingSums":
        """The sums of the mean likings (photos,)."""
        return cls(np.asarray(float(len(means))), np.asarray(means.sum()), np.asarray((means**2).sum()))

    @property
    def mean(self) -> FloatArray:
        return self.total / np.maximum(self.photos, 1.0)

    @property
    def variance_of_mean(self) -> FloatArray:
        spread = np.maximum(self.squares - self.total * self.mean, 0.0) + PRIOR * LARGEST_VARIANCE
        return spread / (np.maximum(self.photos, 1.0) - 1 + PRIOR) / np.maximum(self.photos, 1.0)


def is_suspect(before: LikingSums, now: LikingSums, ratings: FloatArray) -> BoolArray:
    """Whether the champion (`now`, with so many ratings) is suspected to be liked less than its predecessor was."""
    score = (now.mean - before.mean) / np.sqrt(now.variance_of_mean + before.variance_of_mean)
    threshold = np.where(
        ratings < FIRST_RATINGS, EARLY_SCORE, np.where(ratings < LATER_RATINGS, FIRST_SCORE, LATER_SCORE)
    )
    enough = (before.photos >= MIN_PREDECESSOR_PHOTOS) & (now.photos >= MIN_CHAMPION_PHOTOS)
    return enough & (score < threshold)
