"""The sums of a trial's rows, with each user left out, against the same sums from fewer rows."""

from dataclasses import fields

import numpy as np
import pytest

from bot.experiments.trial_sums import STAGES, TrialData


def made(seed: int = 1, rows: int = 400, users: int = 9) -> TrialData:
    """Ratings of 60 photos, in both variants and all stages, and duels."""
    draw = np.random.default_rng(seed)
    photo = draw.integers(0, 60, rows)
    ratings = np.stack(
        [photo, photo % STAGES, draw.integers(0, 2, rows), draw.integers(0, users, rows), draw.integers(0, 2, rows)], 1
    )
    duel = draw.integers(0, 30, rows // 4)
    picks = np.stack([duel, duel % STAGES, draw.integers(0, users, rows // 4), draw.integers(-1, 2, rows // 4)], 1)
    return TrialData(ratings, picks, np.empty((0, 4), np.int64))


def test_each_index_leaves_out_one_user():
    data = made()
    sums = data.sums()
    assert sums.units.shape == (10, STAGES, 2) and sums.duels.shape == (10, STAGES)
    for user in range(9):
        rest = TrialData(data.ratings[data.ratings[:, 3] != user], data.picks[data.picks[:, 2] != user], data.jokes)
        for name in [field.name for field in fields(sums)]:
            assert getattr(sums, name)[1 + user] == pytest.approx(getattr(rest.sums(), name)[0]), name


def test_a_unit_is_a_photo_of_one_variant_in_one_stage_with_its_mean_liking():
    ratings = np.array([[1, 2, 0, 1, 1], [1, 2, 0, 2, 0], [1, 2, 1, 3, 1], [2, 2, 0, 1, 1], [2, 1, 0, 1, 0]])
    sums = TrialData(ratings, np.array([[7, 2, 1, 1], [7, 2, 2, 0]]), np.empty((0, 4), np.int64)).sums().of_all_users
    assert sums.units.tolist() == [[0, 0], [1, 0], [2, 1]]
    # Two ratings of one photo weigh 2 / 1.25.
    assert sums.weight[2] == pytest.approx([2.6, 1]) and sums.total[2] == pytest.approx([1.8, 1])
    assert sums.squares[2] == pytest.approx([1.4, 1]) and sums.total[1].tolist() == [0, 0]
    duel = (sums.duels[2], sums.duel_weight[2], sums.picks[2], sums.pick_squares[2])
    assert duel == pytest.approx((1, 1.6, 0.8, 0.4))


def test_what_users_did_with_the_jokes_is_counted_by_stage_and_variant():
    jokes = np.array([[2, 0, 3, 0], [2, 0, 1, 1], [2, 1, 0, 1], [0, 1, 2, 0]])
    engagement = TrialData(np.empty((0, 5), np.int64), np.empty((0, 4), np.int64), jokes).engagement()
    assert engagement.jokes.tolist() == [[0, 1], [0, 0], [2, 1]]
    assert (engagement.ratings[2, 0], engagement.squares[2, 0], engagement.again[2].tolist()) == (4, 10, [1, 1])
