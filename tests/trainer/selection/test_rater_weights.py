"""Independent raters keep their weight, blocks lose it, leniency is taken off."""

import numpy as np
import pytest

from trainer.selection.rater_weights import MAX_PARTNERS, joint_ratings, leniency, rater_dependence, weight_ratings


def honest(random, jokes=600, raters=40, per_joke=4):
    """Ratings of `per_joke` raters a joke, by taste and by the joke's quality."""
    joke = np.repeat(np.arange(jokes), per_joke)
    rater = np.concatenate([random.choice(raters, per_joke, replace=False) for _ in range(jokes)])
    quality = random.normal(0, 0.7, jokes)
    value = np.digitize(quality[joke] + random.normal(0, 1, len(joke)), [-0.5, 0.5]) / 2
    return value, joke, rater


def with_block(random, targets=30, block=10, camouflage=0):
    """The same with a block of raters who give 😂 to each target, and rate other jokes at random."""
    value, joke, rater = honest(random)
    target = random.choice(600, targets, replace=False)
    for number in range(block):
        for jokes, values in (
            (target, np.ones(targets)),
            (random.choice(600, camouflage, replace=False), random.integers(0, 3, camouflage) / 2),
        ):
            value, joke = np.concatenate([value, values]), np.concatenate([joke, jokes])
            rater = np.concatenate([rater, np.full(len(jokes), 40 + number)])
    return value, joke, rater, target


def test_independent_raters_keep_their_weight():
    value, joke, rater = honest(np.random.default_rng(1))
    weighed = weight_ratings(value, joke, rater, 600, 40)
    assert weighed.weight.mean() > 0.97
    assert not weighed.contested.any()


@pytest.mark.parametrize("camouflage", [0, 60])
def test_raters_who_vote_as_one_count_as_one_and_their_jokes_are_set_aside(camouflage):
    value, joke, rater, target = with_block(np.random.default_rng(2), camouflage=camouflage)
    weighed = weight_ratings(value, joke, rater, 600, 50)
    votes = np.isin(joke, target) & (rater >= 40)
    assert np.bincount(joke[votes], weighed.weight[votes], 600)[target].max() < 3
    assert weighed.weight[rater < 40].mean() > 0.97
    assert weighed.contested[target].mean() > 0.9
    assert np.delete(weighed.contested, target).mean() < 0.01


def test_a_small_group_of_friends_with_like_taste_is_no_block():
    """Everybody rates everything and agrees more than chance: that is what good jokes do, and it is the pool's
    standard.
    """
    random = np.random.default_rng(3)
    quality = random.normal(0, 1.5, 300)
    joke, rater = np.repeat(np.arange(300), 6), np.tile(np.arange(6), 300)
    value = np.digitize(quality[joke] + random.normal(0, 0.7, len(joke)), [-0.5, 0.5]) / 2
    weighed = weight_ratings(value, joke, rater, 300, 6)
    assert weighed.weight.mean() > 0.9 and not weighed.contested.any()


def test_leniency_is_taken_off_and_shrunk():
    value = np.concatenate([np.ones(100), np.zeros(100), np.ones(1)])
    rater = np.concatenate([np.zeros(100, int), np.ones(100, int), np.full(1, 2)])
    found = leniency(value, rater, 3)
    assert found[0] == pytest.approx(0.5, abs=0.05) and found[1] == pytest.approx(-0.5, abs=0.05)
    assert 0 < found[2] < 0.4


def test_one_rater_alone_keeps_weight_and_verdicts():
    value = np.array([1, 0.5, 0, 1])
    weighed = weight_ratings(value, np.arange(4), np.zeros(4, int), 4, 1)
    assert (weighed.weight == 1).all() and weighed.value == pytest.approx(value)


def test_crowded_jokes_compare_each_rater_with_a_bounded_number_of_others():
    left, right = joint_ratings(np.zeros(1000, int))
    assert len(left) <= 1000 * MAX_PARTNERS and (left != right).all()
    value, rater = np.ones(1000), np.arange(1000)
    assert np.isfinite(rater_dependence(value, np.zeros(1000, int), rater, 1000)).all()


def test_a_pair_is_found_once_for_each_joke_they_share():
    left, right = joint_ratings(np.array([5, 5, 5, 7, 7, 9]))
    assert {frozenset(pair) for pair in zip(left.tolist(), right.tolist(), strict=True)} == {
        frozenset(pair) for pair in ((0, 1), (0, 2), (1, 2), (3, 4))
    }
