"""A thousand photos from one person at once beside a hundred people, then a minute of many people: everybody is served,
memory stays flat.

SOAK_S sets how many seconds the people keep at it after the flood (60; `make bench-soak` takes half an hour).
"""

import os

import pytest

from benchmarks import soak

SOAK_S = float(os.environ.get("SOAK_S", "60"))
GROWTH_MB = 60
LATER_GROWTH_MB = 15


@pytest.mark.timeout(1200 + SOAK_S)
async def test_one_persons_thousand_photos_and_a_hundred_people_at_once(tmp_path):
    seen = await soak.measure(SOAK_S, 1, tmp_path / "data")
    flood, memory = seen["flood"], seen["rss_mb"]
    assert seen["unanswered"] == 0, seen
    assert flood["jokes"] >= 20, "the one person got less than the limit allows"
    assert flood["jokes"] == flood["photos"] or flood["notices"], (
        "the photos that got no joke were passed over in silence"
    )
    assert flood["notices"] <= 10, "a flood was answered by a flood"
    assert seen["photos"] + seen["presses"] + seen["commands"] >= SOAK_S, "next to nothing happened in that time"
    assert memory["highest"] - memory["before"] < GROWTH_MB, seen
    assert memory["last"] - memory["after_flood"] < LATER_GROWTH_MB, seen
