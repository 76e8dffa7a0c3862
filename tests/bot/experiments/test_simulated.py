"""A few of the benchmarks' simulated trials and watches; `make bench-gate` and `make bench-watch` run thousands."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import trial_worlds
from benchmarks.gate import EFFECTS, FANS, MODELS, NOVELTY, SILENCE, simulate
from benchmarks.simulated_worlds import upper_bound
from benchmarks.trial_worlds import Simulation, World
from benchmarks.watch import FALL, WORLDS, watch
from bot.experiments.sequential_test import SequentialTest, TrialState
from bot.experiments.trial_design import LATE, TrialDesign
from bot.experiments.trial_sums import TrialData
from configs.trials import CanarySettings

COUNT = 60
DESIGN = TrialDesign.for_candidate(CanarySettings())


@pytest.mark.parametrize("suffix", MODELS)
@pytest.mark.parametrize("kind, least, most", [("harmful", 0, 3), ("equal", 0, 9), ("better", 8, COUNT)])
def test_candidates_are_promoted_as_they_deserve(suffix, kind, least, most):
    outcome = simulate(replace(MODELS[suffix], effect=EFFECTS[kind]), DESIGN, COUNT, [5])
    promoted = outcome.reasons == "better"
    assert (36 if kind == "better" and suffix != "_groups" else least) <= promoted.sum() <= most
    assert (outcome.days[promoted] >= 7).all() and (outcome.candidate_ratings[promoted] >= 30).all()


@pytest.mark.parametrize(
    "world, most",
    [(NOVELTY["143 ratings a day"], 14), (SILENCE["1.2 raters a joke"], 9), (FANS["the first of 20 by rank"], 9)],
    ids=["novelty", "silence", "one fan"],
)
def test_nothing_else_than_better_jokes_promotes(world, most):
    assert (simulate(world, DESIGN, COUNT, [6]).reasons == "better").sum() <= most


@pytest.mark.parametrize("name", ["falling, liking 0.5, 200 a day", "rising, liking 0.3, 200 a day"])
def test_a_fall_is_found_and_an_equal_champion_stays_also_while_the_liking_drifts(name):
    assert watch(WORLDS[name], 0.0, COUNT, [7]).rollbacks <= 4
    assert watch(WORLDS[name], FALL, COUNT, [8]).in_time >= 0.6 * COUNT


def test_the_simulation_keeps_the_sums_that_the_rows_have(monkeypatch):
    """Rating by rating, with each user left out, as `TrialData` sums the same ratings."""
    rows, photos, add = [], {}, trial_worlds.add_rating

    def record(trials, numbers, slot, arm, stage, user, value):
        if len(numbers):
            if trials.counts[0, slot[0]].sum() == 0:
                photos[slot[0]] = len(rows)
            rows.append((photos[slot[0]], stage[0], arm[0], user[0], round(value[0])))
        add(trials, numbers, slot, arm, stage, user, value)

    monkeypatch.setattr(trial_worlds, "add_rating", record)
    simulation = Simulation(World(raters=3, users=6), DESIGN, np.random.default_rng(1))
    trials = simulation._begin(1, np.zeros(1))
    for _ in range(300):
        simulation._step(trials)
    data = TrialData(np.array(rows), np.empty((0, 4), np.int64), np.empty((0, 4), np.int64)).sums()
    sums = trials.sums_of(np.array([0]))
    assert len(rows) == 300
    for name in ("units", "weight", "total", "squares"):
        assert getattr(sums, name)[0] == pytest.approx(getattr(data, name)), name


def test_many_trials_at_once_are_analysed_as_each_alone():
    simulation = Simulation(World(users=8, pace=300), DESIGN, np.random.default_rng(2))
    trials = simulation._begin(5, np.zeros(5))
    for _ in range(700):
        simulation._step(trials)
    test, days = SequentialTest(DESIGN), np.full(5, 10.0)
    state = TrialState(trials.ratings, trials.picks, trials.candidate_ratings, days)
    sums = trials.sums_of(np.arange(5))
    together = test.analyse(sums, trials.engagement, state, trials.late)
    for place in range(5):
        one = TrialState(*(getattr(state, name)[place] for name in state.__dataclass_fields__))
        alone = test.analyse(sums[place], trials.engagement[place], one, trials.late[place])
        for name in alone.__dataclass_fields__:
            assert getattr(alone, name) == pytest.approx(getattr(together, name)[place]), name
    assert (together.stage == LATE).all()


def test_the_upper_bound_is_clopper_and_pearsons():
    assert upper_bound(0, 59) == pytest.approx(0.0495, abs=1e-3)
    assert upper_bound(100, 2000) == pytest.approx(0.0588, abs=1e-3)
    assert upper_bound(5, 5) == 1.0
