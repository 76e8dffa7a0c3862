"""Random walks cross the boundaries with their nominal probabilities."""

import numpy as np
import pytest

from bot.experiments.boundaries import SPENT, any_time_boundary, final_boundary, from_normal, harm_boundary, to_normal

ALPHA, PATHS, STEPS = 0.05, 20_000, 400


@pytest.fixture(scope="module")
def walks():
    """Standard scores of Brownian motions at t = 1/400, 2/400 … 1."""
    times = np.arange(1, STEPS + 1) / STEPS
    steps = np.random.default_rng(1).standard_normal((PATHS, STEPS)).astype(np.float32) / STEPS**0.5
    return times, steps.cumsum(1) / np.sqrt(times)


@pytest.mark.parametrize("end", [1.0, 0.5, 0.2])
def test_both_promoting_lines_together_are_crossed_as_often_as_is_spent(walks, end):
    times, scores = walks
    last = round(end * STEPS) - 1
    early = np.array([any_time_boundary(t, ALPHA) for t in times[:last]])
    crossed = (scores[:, :last] >= early).any(1) | (scores[:, last] >= final_boundary(float(times[last]), ALPHA))
    # A walk with 400 points crosses a little less often than the continuous one.
    assert 0.93 * SPENT * ALPHA < crossed.mean() < ALPHA


def test_the_harm_line_is_crossed_by_at_most_alpha_of_those_that_do_no_harm(walks):
    times, scores = walks
    crossed = (-scores >= np.array([harm_boundary(t, ALPHA) for t in times])).any(1).mean()
    assert ALPHA / 4 < crossed < ALPHA


def test_the_harm_line_is_low_early_and_the_promoting_line_high():
    assert harm_boundary(0.2, ALPHA) < 3 < 5 < any_time_boundary(0.2, ALPHA)
    assert final_boundary(1.0, ALPHA) < any_time_boundary(1.0, ALPHA) < 2.4


@pytest.mark.parametrize(
    "score, freedom, normal", [(2.228, 10, 1.960), (2.042, 30, 1.960), (3.169, 10, 2.576), (1.812, 10, 1.645)]
)
def test_students_table_is_met_on_the_normal_scale(score, freedom, normal):
    assert to_normal(score, freedom) == pytest.approx(normal, abs=0.01)
    assert to_normal(-score, freedom) == -to_normal(score, freedom)
    assert from_normal(to_normal(score, freedom), freedom) == pytest.approx(score)
