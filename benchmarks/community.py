# environment: train
"""`make bench-community`: what a real community gets from learning, over 84 simulated days.

The world (`benchmarks/community/world.py`, whose SHA-256 is printed) has one group of 20 users and 10 private chats, 40
photos a day, graded taste, trolls, copied votes and silence. A table of shapes and subjects is in place of the model;
it is trained to convergence. All else is the product: database, selection and export, registry, schedule, trial, watch,
judge and choice of candidates, with default settings. Of the gate there are the measures of variety. Left out: its
other checks (a table can't write broken text), pictures, 🔁, users who come and go. Four arms play the same photos and
users:

    defaults          the product (its measures are at the top level)
    today             selection, trial and watch of commit e77f410, without a judge
    judge_alone       the judge chooses among 4 candidates of the base; no training
    training_alone    training and trials; one candidate, no judge

`gain_28`, `gain_56`, `gain_84`: expected liking of what is shown minus that of day 0, in points, mean of seeds; `…_sd`:
standard deviation over seeds. `promoted_by_56`: share of seeds with a promotion by day 56. `worst_promotion`: the
smallest gain of a promotion in the model's own liking, judge off, in points. `false_rollbacks`: rollbacks of a model
that was not worse than its predecessor, over all seeds. `entropy_of_base`, `length_of_base`: entropy of the shown
shapes and words a joke at the end, as shares of the base's, mean of seeds (`…_worst`: the worst seed);
`commonest_text`: the largest share of one text in 1,600 shown jokes. `ratings`: a seed. `rows`: every seed.
"""

import argparse
import asyncio
import hashlib
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # one process a core: threads would wait for each other

import numpy as np  # noqa: E402

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.community import world  # noqa: E402
from benchmarks.community.arms import ARMS, DAYS  # noqa: E402
from benchmarks.community.simulation import simulate  # noqa: E402
from benchmarks.machine import RESULTS, machine  # noqa: E402

Row = dict[str, Any]
Task = tuple[str, int, int]
"""Arm, seed and days."""


def play(task: Task) -> Row:
    """Play an arm (name, seed, days) in this process."""
    name, seed, days = task
    started = time.process_time()
    row = asyncio.run(simulate(seed, ARMS[name], days))
    return {**row, "cpu_s": round(time.process_time() - started, 1)}


def summary(rows: list[Row]) -> Row:
    """The measures of an arm over its seeds."""
    gains = [name for name in rows[0] if name.startswith("gain_")]
    worst = [row["worst_promotion"] for row in rows if row["worst_promotion"] is not None]
    return {
        **{name: round(float(np.mean([row[name] for row in rows])), 2) for name in gains},
        **{f"{name}_sd": round(float(np.std([row[name] for row in rows])), 2) for name in gains},
        "promoted_by_56": round(float(np.mean([row["promoted_by_56"] for row in rows])), 2),
        "worst_promotion": min(worst, default=None),
        "false_rollbacks": sum(row["false_rollbacks"] for row in rows),
        "entropy_of_base": round(float(np.mean([row["entropy_of_base"] for row in rows])), 3),
        "entropy_of_base_worst": min(row["entropy_of_base"] for row in rows),
        "commonest_text": max(row["commonest_text"] for row in rows),
        "length_of_base": round(float(np.mean([row["length_of_base"] for row in rows])), 3),
        "length_of_base_worst": max((row["length_of_base"] for row in rows), key=lambda length: abs(length - 1)),
        "ratings": round(float(np.mean([row["ratings"] for row in rows]))),
    }


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=1, help="first seed (default 1; develop on seeds from 100 up)")
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds (default 10)")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rows", type=Path, help="file of finished rows: an interrupted benchmark continues with it")
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/community.json")
    return parser.parse_args()


def play_all(tasks: list[Task], processes: int, kept: Path | None) -> dict[Task, Row]:
    """The row of each task. Rows in the file `kept` (a line of JSON each) are not played again; new ones are added."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept and kept.exists() else []
    known = {(name, seed, days): row for name, seed, days, row in map(json.loads, lines)}
    played = {task: known[task] for task in tasks if task in known}
    with ProcessPoolExecutor(processes) as pool:
        futures = {pool.submit(play, task): task for task in tasks if task not in played}
        for future in as_completed(futures):
            task = futures[future]
            played[task] = future.result()
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([*task, played[task]]) + "\n")
    return played


def main() -> None:
    arguments = parse_arguments()
    started = time.monotonic()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    tasks = [(name, seed, arguments.days) for name in arguments.arms for seed in seeds]
    played = play_all(tasks, arguments.processes, arguments.rows)
    rows = {name: [played[name, seed, arguments.days] for seed in seeds] for name in arguments.arms}
    arms = {name: summary(rows[name]) for name in arguments.arms}
    result = {
        **arms.get("defaults", {}),
        "seeds": len(seeds),
        "first_seed": arguments.first,
        "days": arguments.days,
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(sum(row["cpu_s"] for row in played.values())),
        "world_sha256": hashlib.sha256(Path(world.__file__).read_bytes()).hexdigest(),
        "arms": arms,
        "rows": rows,
    }
    if arguments.keep:
        report = {**result, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
        (RESULTS / "community.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
