# environment: train
"""Rounds of Oogiri: is the bot's win rate against people estimated without bias, does its interval hold, what do
friends gain in the table, and what is learnt?

Simulation. A community has 20 users; a user's wit is normal with mean .3 and standard deviation .5 above the bot's. In
each round a user enters with probability .25 and votes with probability .5. An entry is as good as its author's wit
plus a normal deviation (1). A voter sees it with a normal deviation (1) and likes entries less the later they stand in
the random order of the ballot (.5 from the first to the last); the vote goes to the best one and, with probability .7,
to the second best, never to an own entry. Rounds are counted by the product's own rules (storage/chat/ballots.py,
storage/chat/round_wins.py).

`bias_N`, `coverage_N` (N rounds: 5, 20, 100): the mean estimate minus the truth, and the share of 95 % intervals that
hold it. The truth of a community is its expected share of wins with votes as above but without the effect of the
order, from 6,000 rounds of its own. `attenuation`: that truth minus the probability that the bot's entry is the better
one of a pair: votes are few and tie, so the win rate is nearer to one half.

`…_friends`: three users always vote for each other. `…_trolls`: one user in ten votes at random. For both the truth is
that of the community without them. `friends_gain_N`: points of such a friend after N rounds minus the points of the
same user without the agreement, as a share of the mean user's points; `friends_gain` is that after 100 rounds,
`friends_gain_raw_N` what it would be if each vote were a point. `credited_N`: the share of votes that are points where
no users have an agreement.

`liking_gain`: what a model learns from rounds (benchmarks/oogiri_liking.py defines it); its rows are printed too.

Not simulated here: users who write several entries, who enter only where they know themselves good, or who leave;
tastes that differ between voters; friends who vote for each other now and then; the wit of people who see the bot's
jokes.
"""

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import RESULTS, machine  # noqa: E402
from benchmarks.oogiri_liking import measure_liking  # noqa: E402
from benchmarks.oogiri_rounds import FRIENDS, USERS, Conduct, Floats, Played, play  # noqa: E402
from storage.chat.ballots import Ballots, count_credits  # noqa: E402
from storage.chat.round_wins import count_wins, estimate_win_rate  # noqa: E402

ROUNDS, TRUTH_ROUNDS = (5, 20, 100), 6000
CONDUCTS = {"": Conduct(), "_friends": Conduct(friends=True), "_trolls": Conduct(trolls=True)}
Found = defaultdict[str, list[float]]
Row = dict[str, Any]


def add_estimates(found: Found, key: str, played: Played, ballots: Ballots, rounds: int, truth: float) -> None:
    """The error of each replication's estimate, and whether its interval holds the truth."""
    wins, replication = count_wins(ballots), played.counted // rounds
    for number in np.unique(replication).tolist():
        first, last = np.searchsorted(replication, [number, number + 1])
        if estimate := estimate_win_rate(wins[first:last]):
            found[f"bias_{key}"].append(estimate.share - truth)
            found[f"coverage_{key}"].append(float(estimate.low <= truth <= estimate.high))


def points(ballots: Ballots, credit: Floats) -> Floats:
    """Points (USERS) over all chats."""
    author = ballots.entries.author[ballots.entry]
    return np.bincount(author, credit * ballots.voted, USERS + 1)[1:]


def measure_rounds(communities: int, replications: int, seed: int) -> dict[str, float]:
    """All measures of rounds on one seed."""
    rng, found = np.random.default_rng(seed), Found(list)
    for _ in range(communities):
        wit = rng.normal(0.3, 0.5, USERS)
        fair = play(rng, wit, TRUTH_ROUNDS, Conduct(order=0.0))
        truth = fair.win_rate()
        found["attenuation"].append(truth - fair.better)
        for rounds in ROUNDS:
            tables = {}
            for name, conduct in CONDUCTS.items():
                played = play(rng, wit, rounds * replications, conduct)
                ballots = played.ballots(rounds)
                add_estimates(found, f"{rounds}{name}", played, ballots, rounds, truth)
                raw, counted = np.ones(len(ballots)), count_credits(ballots)
                tables[name] = points(ballots, raw), points(ballots, counted)
                if not name:
                    found[f"credited_{rounds}"].append(float(counted[ballots.voted].mean()))
            for number, kind in enumerate(("raw_", "")):
                fair_points, agreed = (tables[name][number] for name in ("", "_friends"))
                gain = agreed[:FRIENDS].mean() - fair_points[:FRIENDS].mean()
                found[f"friends_gain_{kind}{rounds}"].append(float(gain / fair_points.mean()))
    row = {key: round(float(np.mean(values)), 4) for key, values in sorted(found.items())}
    return {**row, "friends_gain": row["friends_gain_100"]}


def means(rows: list[Row]) -> dict[str, float]:
    """The mean of each measure over seeds."""
    names = [key for key in rows[0] if key not in ("part", "seed")] if rows else []
    return {key: round(float(np.mean([row[key] for row in rows])), 4) for key in names}


def play_all(arguments: argparse.Namespace) -> dict[str, list[Row]]:
    """The rows of all seeds by part. Rows in the file `--rows` are not measured again; new ones are added."""
    kept = arguments.rows
    lines = kept.read_text(encoding="utf-8").splitlines() if kept and kept.exists() else []
    known = {(row["part"], row["seed"]): row for row in map(json.loads, lines)}
    parts = {
        "rounds": (arguments.seeds, partial(measure_rounds, arguments.communities, arguments.replications)),
        "liking": (arguments.liking_seeds, measure_liking),
    }
    rows: dict[str, list[Row]] = {}
    for part, (seeds, measure) in parts.items():
        for seed in seeds:
            row = known.get((part, seed)) or {"part": part, "seed": seed, **measure(seed)}
            rows.setdefault(part, []).append(row)
            print(json.dumps(row), flush=True)
            if kept and (part, seed) not in known:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    return rows


def main() -> None:
    """Print the measures of each seed as a line and those over all seeds as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3, 4], help="develop on seeds from 100 up")
    parser.add_argument("--communities", type=int, default=25, help="of each seed")
    parser.add_argument("--replications", type=int, default=20, help="of each community and number of rounds")
    parser.add_argument("--liking-seeds", type=int, nargs="*", default=[1, 2, 3, 4, 5, 6])
    parser.add_argument("--rows", type=Path, help="file of finished rows: an interrupted benchmark continues with it")
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/oogiri.json")
    arguments = parser.parse_args()
    rows = play_all(arguments)
    result = {
        **means(rows.get("rounds", [])),
        **means(rows.get("liking", [])),
        "replications": arguments.communities * arguments.replications * len(arguments.seeds),
        "rows": rows,
    }
    if arguments.keep:
        report = {**result, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
        (RESULTS / "oogiri.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
