"""A new champion that is liked less than its predecessor was is suspected; the trial that follows decides."""

import numpy as np

from bot.experiments.suspicion import MIN_PREDECESSOR_PHOTOS
from bot.experiments.watch_comparison import compare_likings
from storage.learning.trial_evidence import RatedJoke


def rated(likes: int, others: int, first: int = 0, model: int = 1) -> list[RatedJoke]:
    """Ratings of as many photos, likes and others in turn."""
    order = np.argsort([*np.linspace(0, 1, likes), *np.linspace(0, 1, others)], kind="stable")
    return [RatedJoke(first + place, model, 0.0, place % 9, bool(number < likes)) for place, number in enumerate(order)]


def test_a_fall_is_suspected_after_sixty_ratings():
    before = rated(200, 200)
    assert not compare_likings(before, rated(23, 36)).suspect
    assert compare_likings(before, rated(24, 37)).suspect


def test_a_champion_that_is_liked_more_is_not_suspected():
    assert not any(compare_likings(rated(200, 200), rated(6 * n, 4 * n)).suspect for n in range(1, 100))


def test_a_champion_that_nobody_likes_is_suspected_after_a_few_photos():
    before = rated(40, 10)
    found = [count for count in range(1, 40) if compare_likings(before, rated(0, count)).suspect]
    assert found[0] == 10


def test_later_a_small_difference_is_no_suspicion():
    before = rated(200, 200)
    assert compare_likings(before, rated(48, 50)).suspect
    assert not compare_likings(before, rated(145, 150)).suspect


def test_eight_people_who_rate_one_joke_are_one_photo():
    before = rated(MIN_PREDECESSOR_PHOTOS, 0)
    one_photo = [RatedJoke(1, 2, 0.0, user, False) for user in range(8)]
    result = compare_likings(before, one_photo)
    assert (result.suspect, result.photos, result.ratings) == (False, 1, 8)


def test_without_enough_to_compare_with_nothing_is_suspected():
    assert not compare_likings(rated(MIN_PREDECESSOR_PHOTOS - 1, 0), rated(0, 200)).suspect
    assert not compare_likings([], []).suspect
