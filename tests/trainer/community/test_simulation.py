"""Arms of the community benchmark, played for days: what users do reaches the product, and the product acts on it."""

import time

import pytest

from benchmarks.community.arms import ARMS
from benchmarks.community.clock import START
from benchmarks.community.simulation import simulate
from benchmarks.community.world import Size

SMALL = Size(groups=(12,), private=4, photos=90)
"""Few users who send many photos: days suffice for a run."""


@pytest.mark.parametrize("name", ["today", "defaults"])
async def test_an_arm_collects_ratings_trains_and_tries_a_candidate(name, monkeypatch):
    monkeypatch.setenv("JOKEBOT_RETRAIN_SCHEDULE_MIN_PAIRS", "60")
    row = await simulate(3000, ARMS[name], 8, SMALL, checkpoints=(4, 8))
    assert row["ratings"] > 200
    assert row["candidates"][0]["rows"] >= (20 if name == "today" else 60)
    assert row["candidates"][0]["day"] < 8
    assert 20 < row["liking_0"] < 45
    assert {"gain_4", "gain_8"} <= row.keys()
    assert 0.5 < row["entropy_of_base"] < 1.05 and 0.7 < row["length_of_base"] < 1.3


async def test_a_judge_alone_trains_nothing_and_gains():
    row = await simulate(3001, ARMS["judge_alone"], 8, SMALL, checkpoints=(8,))
    assert not row["candidates"] and not row["promotions"]
    assert row["gain_8"] > 1


async def test_an_arm_repeats_itself_exactly_and_gives_the_clock_back():
    first, second = [await simulate(3002, ARMS["today"], 2, SMALL, checkpoints=(2,)) for _ in range(2)]
    assert first == second
    assert time.time() > START + 365 * 86400
