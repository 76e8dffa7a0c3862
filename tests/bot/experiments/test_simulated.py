"""A few of the benchmark's simulated trials; `make bench-gate` runs a thousand of each kind."""

import pytest

from benchmarks.gate import EFFECTS, GROUP, World, simulate
from configs.learning import CanarySettings

COUNT = 50


@pytest.mark.parametrize("world", [World(), World(GROUP)], ids=["one rater a joke", "eight raters a joke"])
@pytest.mark.parametrize("kind, least, most", [("harmful", 0, 3), ("equal", 0, 9), ("better", 8, COUNT)])
def test_candidates_are_promoted_as_they_deserve(world, kind, least, most):
    decisions = [simulate(seed, world, EFFECTS[kind], CanarySettings()) for seed in range(COUNT)]
    promoted = sum(decision.answer == "promote" for decision in decisions)
    assert (32 if kind == "better" and world.raters == 1 else least) <= promoted <= most
    assert all(decision.ratings <= 1000 and decision.answer != "go on" for decision in decisions)
    assert all(decision.candidate.ratings >= 50 for decision in decisions if decision.answer == "promote")
