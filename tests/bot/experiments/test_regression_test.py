"""The champion monitor's test detects a fall, and rarely a false one, with any number of analyses."""

import random

import pytest

from bot.experiments import Observation
from bot.experiments.regression_test import MIN_PREDECESSOR_PHOTOS, compare_with_predecessor

ALPHA, PLANNED = 0.05, 400


def rated(dice: random.Random, liking: float, photos: int) -> list[Observation]:
    return [Observation(int(dice.random() < liking), 1) for _ in range(photos)]


def falls(liking_before: float, liking_now: float, *, times: int = 120, seed: int = 1) -> float:
    """Share of monitored champions that are rolled back, with an analysis after every eighth photo."""
    dice, count = random.Random(seed), 0
    for _ in range(times):
        before, now = rated(dice, liking_before, 300), rated(dice, liking_now, PLANNED)
        count += any(
            compare_with_predecessor(before, now[:photos], ALPHA, PLANNED).fell for photos in range(8, PLANNED + 1, 8)
        )
    return count / times


@pytest.mark.parametrize("liking", [0.3, 0.5, 0.8])
def test_a_champion_that_is_as_good_as_the_one_before_stays(liking):
    assert falls(liking, liking) <= ALPHA + 0.04


def test_a_champion_that_is_better_stays():
    assert falls(0.5, 0.6) == 0


def test_a_fall_by_twenty_points_is_seen():
    assert falls(0.6, 0.4) >= 0.95


def test_eight_people_who_rate_one_joke_are_one_photo():
    before = [Observation(8, 8)] * MIN_PREDECESSOR_PHOTOS + [Observation(7, 8)] * MIN_PREDECESSOR_PHOTOS
    assert not compare_with_predecessor(before, [Observation(0, 8)] * 2, ALPHA, PLANNED).fell


def test_without_enough_to_compare_with_nothing_is_said():
    assert not compare_with_predecessor(
        [Observation(1, 1)] * (MIN_PREDECESSOR_PHOTOS - 1), [Observation(0, 1)] * 200, ALPHA, PLANNED
    ).fell
    assert not compare_with_predecessor([], [], ALPHA, PLANNED).fell
