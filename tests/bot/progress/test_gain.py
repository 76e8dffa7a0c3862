"""The difference in liking and its interval."""

import numpy as np
import pytest

from bot.progress.gain import MIN_PHOTOS, estimate_gain
from storage.learning.base_comparison import BaseComparison, PhotoLikes


def photos(liked: int, others: int) -> list[PhotoLikes]:
    return [PhotoLikes(1, 1)] * liked + [PhotoLikes(0, 1)] * others


def test_the_interval_holds_the_difference():
    gain = estimate_gain(BaseComparison(photos(30, 70), photos(500, 500)))
    assert (gain.base, gain.present) == (0.3, 0.5) and gain.difference == pytest.approx(0.2)
    assert 0.08 < gain.low < gain.difference < gain.high < 0.31


def test_few_photos_of_either_tell_nothing():
    few, many = photos(MIN_PHOTOS - 1, 0), photos(300, 200)
    assert estimate_gain(BaseComparison(few, many)) is None and estimate_gain(BaseComparison(many, few)) is None


def test_photos_that_all_ended_alike_give_no_certainty():
    gain = estimate_gain(BaseComparison(photos(0, 10), photos(10, 0)))
    assert gain.low < 0.9 and gain.high <= 1.0


def test_a_photo_counts_once_however_many_rated_it():
    loud = [PhotoLikes(50, 50), *photos(0, 19)]
    assert estimate_gain(BaseComparison(loud, photos(10, 10))).base == pytest.approx(0.05)


@pytest.mark.parametrize("base_photos", [10, 40, 200])
def test_nineteen_of_twenty_intervals_hold_the_truth(base_photos):
    """Simulated with 1 to 3 ratings a photo and photos that differ."""
    rng, held, tries = np.random.default_rng(base_photos), 0, 1000

    def draw(mean: float, count: int) -> list[PhotoLikes]:
        chances = rng.beta(4 * mean, 4 * (1 - mean), count)
        ratings = rng.integers(1, 4, count)
        return [PhotoLikes(int(rng.binomial(n, p)), int(n)) for n, p in zip(ratings, chances, strict=True)]

    for _ in range(tries):
        gain = estimate_gain(BaseComparison(draw(0.3, base_photos), draw(0.42, 600)))
        held += gain.low <= 0.12 <= gain.high
    assert held / tries > 0.94
