"""Killed at random moments, the bot loses no photo and no rating, and no kill repeats more than one reply.

KILL_CYCLES sets the number of kills.
"""

import logging
import os

import pytest

from benchmarks import reliability

CYCLES = int(os.environ.get("KILL_CYCLES", "20"))


@pytest.mark.timeout(300 + 30 * CYCLES)
async def test_no_kill_loses_a_photo_or_a_rating(tmp_path, caplog):
    caplog.set_level(logging.CRITICAL, "aiohttp.server")
    counted = await reliability.measure(CYCLES, int(os.environ.get("KILL_SEED", "1")), tmp_path)
    assert counted["cycles"] == CYCLES
    assert counted["photos"] >= CYCLES
    assert counted["ratings"] > 0
    lost = {name: counted[name] for name in ("photos_lost", "commands_lost", "ratings_lost", "ratings_doubled")}
    assert not any(lost.values()), counted
    assert (counted["repeated_without_a_kill"], counted["most_repeated_by_one_kill"]) <= (0, 1), counted
