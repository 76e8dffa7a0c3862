"""1,000 photos of one user beside 100 users, then a minute of load: each user is served and memory stays flat.

SOAK_S sets the load's seconds after the flood (60; `make bench-soak` takes half an hour).
"""

import os

import pytest

from benchmarks import soak

SOAK_S = float(os.environ.get("SOAK_S", "60"))
GROWTH_MB = 60
LATER_GROWTH_MB = 15


@pytest.mark.timeout(1200 + SOAK_S)
async def test_one_persons_thousand_photos_and_a_hundred_people_at_once(tmp_path):
    result = await soak.measure(SOAK_S, 1, tmp_path / "data")
    flood, memory = result["flood"], result["rss_mb"]
    assert result["unanswered"] == 0, result
    assert flood["jokes"] >= 20, "the one user got fewer jokes than the limit allows"
    assert flood["jokes"] == flood["photos"] or flood["notices"], "photos without a joke got no notice"
    assert flood["notices"] <= 10, "too many notices"
    assert result["photos"] + result["presses"] + result["commands"] >= SOAK_S, "too few actions in this time"
    assert memory["highest"] - memory["before"] < GROWTH_MB, result
    assert memory["last"] - memory["after_flood"] < LATER_GROWTH_MB, result
