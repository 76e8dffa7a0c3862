# environment: train
"""`make bench-community_sizes`: what communities of 10, 30, 100 and 300 users can expect, in weeks.

The world, the product and the measures of `make bench-community`, arm *defaults*, with other sizes: two thirds of the
users in groups of about 20, the others in private chats, and four photos a day for three users. `gain_7` and the like:
expected liking of what is shown after so many days minus that of day 0, in points, mean of seeds. `first_promotion`:
the median day of the first promotion (None: fewer than half of the seeds promote). `ratings`: mean of seeds. The 300
are played for six weeks, because a seed of theirs takes as long as ten of 30 users.
"""

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # one process a core: threads would wait for each other

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.community import world  # noqa: E402
from benchmarks.community.arms import ARMS  # noqa: E402
from benchmarks.community.simulation import simulate  # noqa: E402
from benchmarks.community.world import Size  # noqa: E402
from benchmarks.machine import RESULTS, machine  # noqa: E402

WEEKS = (1, 2, 4, 6, 8, 12)
PEOPLE = {10: 12, 30: 12, 100: 12, 300: 6}
"""Weeks that a community of each size is played."""
GROUP = 20

Row = dict[str, Any]


def size_of(people: int) -> Size:
    """The community of so many users."""
    private = round(people / 3)
    members = people - private
    count = max(1, round(members / GROUP))
    groups = tuple(members // count + (number < members % count) for number in range(count))
    return Size(groups, private, round(4 * people / 3))


def play(task: tuple[int, int, int]) -> Row:
    """Play a community (users, weeks, seed) in this process."""
    people, weeks, seed = task
    days = [7 * week for week in WEEKS if week <= weeks]
    return asyncio.run(simulate(seed, ARMS["defaults"], 7 * weeks, size_of(people), days))


def summary(rows: list[Row]) -> Row:
    """The measures of one size over its seeds."""
    gains = {name: round(statistics.mean(row[name] for row in rows), 1) for name in rows[0] if name.startswith("gain_")}
    first = sorted(min((c["day"] for c in row["promotions"] if c["kind"] == "canary"), default=999.0) for row in rows)
    middle = first[(len(first) - 1) // 2]
    return {
        **gains,
        "first_promotion": None if middle == 999.0 else middle,
        "ratings": round(statistics.mean(row["ratings"] for row in rows)),
        "seeds": len(rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=21, help="first seed (default 21)")
    parser.add_argument("--seeds", type=int, default=4, help="number of seeds; the 300 have half of them (default 4)")
    parser.add_argument("--people", type=int, nargs="+", choices=list(PEOPLE), default=list(PEOPLE))
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/community_sizes.json")
    arguments = parser.parse_args()
    started = time.monotonic()
    tasks = [
        (people, PEOPLE[people], arguments.first + number)
        for people in sorted(arguments.people, reverse=True)
        for number in range(arguments.seeds if people < 300 else max(1, arguments.seeds // 2))
    ]
    with ProcessPoolExecutor(arguments.processes) as pool:
        rows = list(pool.map(play, tasks))
    sizes = {
        str(people): summary([row for task, row in zip(tasks, rows, strict=True) if task[0] == people])
        for people in arguments.people
    }
    result = {
        "sizes": sizes,
        "first_seed": arguments.first,
        "seconds": round(time.monotonic() - started, 1),
        "world_sha256": hashlib.sha256(Path(world.__file__).read_bytes()).hexdigest(),
    }
    if arguments.keep:
        report = {**result, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
        (RESULTS / "community_sizes.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
