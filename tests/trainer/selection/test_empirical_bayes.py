"""The posterior is the one of the model that its docstring states, and degenerate pools don't break it."""

import numpy as np
import pytest
from scipy.special import ndtr

from storage.chat.best import PRIOR_RATINGS
from trainer.selection.empirical_bayes import (
    MAX_REFERENCE,
    PRIOR_SHARES,
    VarianceComponents,
    estimate_pool,
    joke_means,
    posterior,
    posterior_without,
)

POOL = VarianceComponents(mean=0.5, noise=0.1, joke=0.04, photo=0.02)


def by_linear_algebra(value, weight, joke, photo, pool):
    """P(θ > 0) of each joke from the joint normal distribution of all effects and ratings, without any closed form."""
    jokes, photos = len(photo), max(photo) + 1
    to_joke, to_photo = np.eye(jokes)[joke], np.eye(photos)[np.array(photo)[joke]]
    ratings = pool.joke * to_joke @ to_joke.T + pool.photo * to_photo @ to_photo.T + np.diag(pool.noise / weight)
    gain = pool.joke * to_joke.T @ np.linalg.inv(ratings)
    mean = gain @ (value - pool.reference)
    variance = pool.joke - np.diag(gain @ to_joke * pool.joke)
    return ndtr(mean / np.sqrt(variance))


VALUE = np.array([1, 1, 0.5, 0, 0, 1, 0.5, 1])
WEIGHT = np.array([1, 0.4, 1, 1, 0.7, 1, 1, 0.2])
JOKE = np.array([0, 0, 1, 1, 2, 3, 4, 4])
PHOTO = np.array([0, 0, 0, 1, 2])


def test_the_closed_form_is_the_joint_normal_posterior():
    means = joke_means(VALUE, WEIGHT, JOKE, PHOTO)
    expected = by_linear_algebra(VALUE, WEIGHT, JOKE, PHOTO, POOL)
    assert posterior(means, POOL) == pytest.approx(expected, abs=1e-6)


def test_leaving_a_rating_out_is_the_posterior_of_the_others():
    means = joke_means(VALUE, WEIGHT, JOKE, PHOTO)
    without = posterior_without(means, POOL, VALUE, WEIGHT, JOKE)
    for left_out in range(len(VALUE)):
        rest = np.arange(len(VALUE)) != left_out
        others = posterior(joke_means(VALUE[rest], WEIGHT[rest], JOKE[rest], PHOTO), POOL)
        assert without[left_out] == pytest.approx(others[JOKE[left_out]], abs=1e-6)


def test_a_joke_is_compared_with_its_peers_before_the_pool():
    """The same 🙂 stands out on a photo where the others fell flat, and not on one where they were loved."""
    value, joke, photo = np.array([0.5, 0, 0, 0.5, 1, 1]), np.arange(6), np.array([0, 0, 0, 1, 1, 1])
    better = posterior(joke_means(value, np.ones(6), joke, photo), POOL)
    assert better[0] > 0.5 > better[3]


def test_a_joke_without_peers_is_compared_with_the_pool():
    better = posterior(joke_means(np.array([1, 0.5, 0]), np.ones(3), np.arange(3), np.arange(3)), POOL)
    assert better[0] > 0.7 and better[1] == pytest.approx(0.5, abs=1e-6) and better[2] < 0.3


def test_more_raters_who_agree_make_it_surer():
    value, joke = np.ones(11), np.array([0] + [1] * 10)
    better = posterior(joke_means(value, np.ones(11), joke, np.array([0, 1])), POOL)
    assert better[1] > better[0] + 0.1


def test_variances_of_a_known_world_are_found():
    random = np.random.default_rng(3)
    photo = np.repeat(np.arange(3000), 3)
    joke = np.repeat(np.arange(9000), random.integers(1, 6, 9000))
    truth = random.normal(0, 0.15, 3000)[photo] + random.normal(0, 0.2, 9000)
    value = 0.4 + truth[joke] + random.normal(0, 0.3, len(joke))
    weight = np.ones(len(joke))
    pool = estimate_pool(value, weight, joke, joke_means(value, weight, joke, photo))
    assert pool.mean == pytest.approx(0.4, abs=0.01)
    assert np.sqrt([pool.noise, pool.joke, pool.photo]) == pytest.approx([0.3, 0.2, 0.15], rel=0.05)


@pytest.mark.parametrize("value", [0, 0.5, 1])
def test_a_pool_of_like_verdicts_gives_finite_answers(value):
    values = np.full(60, float(value))
    means = joke_means(values, np.ones(60), np.arange(60), np.arange(60))
    pool = estimate_pool(values, np.ones(60), np.arange(60), means)
    better = posterior(means, pool)
    assert np.isfinite(better).all() and pool.reference <= MAX_REFERENCE
    assert (better[0] > 0.6) == (value == 1)


def test_no_rating_and_one_rating_are_no_trouble():
    nothing = np.empty(0)
    means = joke_means(nothing, nothing, np.empty(0, int), np.empty(0, int))
    assert estimate_pool(nothing, nothing, np.empty(0, int), means).mean == 0.5
    means = joke_means(np.ones(1), np.ones(1), np.zeros(1, int), np.zeros(1, int))
    assert 0.5 < posterior(means, estimate_pool(np.ones(1), np.ones(1), np.zeros(1, int), means))[0] < 0.9


def test_the_best_jokes_of_a_chat_are_shrunk_as_the_selection_assumes():
    noise, joke, photo = PRIOR_SHARES
    assert noise / (joke + photo) == pytest.approx(PRIOR_RATINGS)
