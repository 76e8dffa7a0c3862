"""`make bench-gate`: promotions by a trial's test in simulated trials of harmful, equal and better candidates.

Uses `bot.experiments.sequential_test` with the default settings, evaluated after every rating, in the worlds of
`benchmarks/trial_worlds.py`. The champion's jokes are liked with probability .5, a harmful candidate's with .45, an
equal one's with .5, a better one's with .6. 1,000 ratings take 14 days. The three lines in three rating models:

    one rater per joke    independent ratings, by 30 users
    `…_groups`            eight raters per joke with the joke's own probability, from a Beta distribution with the
                          model's mean and standard deviation .25; ratings of five jokes interleave
    `…_duels`             one rater per joke, and a duel for every third photo

`harmful_promoted`, `equal_promoted`, `better_promoted`: share of candidates promoted. `median_ratings`, `median_days`:
of a better candidate's promotion. `…_stopped`: stopped for harm. `terrible_ratings`: median number of a candidate's own
ratings until it is stopped, if no user likes it. `drift_equal_promoted`: equal, while the liking rises from .4 to .6.
`…_days`: median length of a trial.

What must not promote a candidate; each the worst of several worlds, which `worlds` lists:

    `novelty_promoted`    an equal candidate, liked by 15 points more at first, which is gone after 3 days
    `silence_promoted`    a bland candidate (.45) whose dislikers stay silent in 35 %
    `one_fan_promoted`    an equal candidate with one user who likes all its jokes; several shares of the ratings

`gate_equal_rejected`: share of equal models that the gate rejects before a trial (`benchmarks/gate_equal.py`).

`upper` has the upper 95 % confidence bound of each share.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.gate_equal import rejected_equal  # noqa: E402
from benchmarks.machine import RESULTS, machine  # noqa: E402
from benchmarks.trial_worlds import Outcome, Simulation, World, upper_bound  # noqa: E402
from bot.experiments.trial_design import TrialAnswer, TrialDesign  # noqa: E402
from configs.trials import CanarySettings  # noqa: E402

EFFECTS = {"harmful": -0.05, "equal": 0.0, "better": 0.1}
MODELS = {"": World(), "_groups": World(raters=8, spread=0.25), "_duels": World(duels=1 / 3)}
"""The rating models of the three lines, by the suffix of their keys."""
DRIFT = World(liking=0.4, rises=0.2 / 14)
NOVELTY = {
    **{f"{pace} ratings a day": World(novelty=0.15, pace=pace) for pace in (48, 71, 143, 300)},
    "143 ratings a day, duels": World(novelty=0.15, pace=143, duels=1 / 3),
}
DECAYING = {"143 ratings a day": World(novelty=0.15, pace=143, decays=True)}
"""The same if 3 days is the time in which the novelty falls to 1/e, so that a part of it lasts longer."""
SILENCE = {
    "every joke rated": World(effect=-0.05, silence=0.35),
    "1.2 raters a joke": World(effect=-0.05, silence=0.35, raters=0, users=20),
    "eight raters a joke": World(effect=-0.05, silence=0.35, raters=8, spread=0.25),
}
FANS = {
    **{f"one of {users}": World(fan=0, users=users) for users in (30, 20, 14, 8)},
    "the first of 20 by rank": World(fan=0, users=20, by_rank=True),
    "the fifth of 20 by rank": World(fan=4, users=20, by_rank=True),
    "one of 20, who dislikes the champion": World(fan=0, users=20, hater=True),
    "one of 20, duels": World(fan=0, users=20, duels=1 / 3),
}
CHUNK = 1000
"""Trials that one process simulates at once."""


@dataclass
class Figures:
    """The results so far: `values` to print, the bounds, and the share in each world."""

    values: dict[str, float] = field(default_factory=dict)
    upper: dict[str, float] = field(default_factory=dict)
    worlds: dict[str, dict[str, float]] = field(default_factory=dict)

    def add_share(self, name: str, hits: int, count: int) -> None:
        """Add a share and its upper bound."""
        self.values[name], self.upper[name] = round(hits / count, 4), round(upper_bound(hits, count), 4)


class Bench:
    """Simulates trials of worlds in several processes. `first` is added to every seed."""

    def __init__(self, pool: ProcessPoolExecutor, count: int, first: int, design: TrialDesign) -> None:
        self._pool, self.count, self._first, self._design, self._worlds = pool, count, first, design, 0

    def run(self, world: World, count: int | None = None) -> Outcome:
        """Simulate the trials of one world. Each world has seeds of its own."""
        self._worlds += 1
        count = count or self.count
        sizes = [min(CHUNK, count - begun) for begun in range(0, count, CHUNK)]
        seeds = [[self._first, self._worlds, number] for number in range(len(sizes))]
        parts = list(self._pool.map(simulate, [world] * len(sizes), [self._design] * len(sizes), sizes, seeds))
        return Outcome(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in Outcome.__dataclass_fields__)
        )

    def map(self, function: Callable[[int], Any], count: int) -> list[Any]:
        """Call a function with `count` seeds."""
        return list(self._pool.map(function, range(self._first, self._first + count), chunksize=20))


def simulate(world: World, design: TrialDesign, count: int, seed: list[int]) -> Outcome:
    """Simulate trials of one world."""
    return Simulation(world, design, np.random.default_rng(seed)).run(count)


def count_of(outcome: Outcome, answer: TrialAnswer) -> int:
    return round(outcome.share(answer) * len(outcome.reasons))


def add_lines(bench: Bench, figures: Figures) -> None:
    """The three lines in each rating model, and the drift."""
    for suffix, model in MODELS.items():
        for name, effect in EFFECTS.items():
            outcome = bench.run(replace(model, effect=effect))
            promoted = count_of(outcome, TrialAnswer.PROMOTE)
            figures.add_share(f"{name}_promoted{suffix}", promoted, len(outcome.reasons))
            figures.values[f"{name}_stopped{suffix}"] = round(outcome.share(TrialAnswer.HARMFUL), 4)
            figures.values[f"{name}_days{suffix}"] = round(float(np.median(outcome.days)), 1)
            if name == "better" and promoted:
                won = outcome.reasons == "better"
                figures.values[f"median_ratings{suffix}"] = float(np.median(outcome.presses[won]))
                figures.values[f"median_days{suffix}"] = round(float(np.median(outcome.days[won])), 1)
        terrible = bench.run(replace(model, effect=-0.499), max(1, bench.count // 10))
        figures.values[f"terrible_ratings{suffix}"] = float(np.median(terrible.candidate_ratings))
    drifting = bench.run(DRIFT)
    figures.add_share("drift_equal_promoted", count_of(drifting, TrialAnswer.PROMOTE), len(drifting.reasons))


def add_worst(name: str, worlds: dict[str, World]) -> Callable[[Bench, Figures], None]:
    """A function that adds the largest share of promotions in these worlds."""

    def add(bench: Bench, figures: Figures) -> None:
        hits = {title: count_of(bench.run(world), TrialAnswer.PROMOTE) for title, world in worlds.items()}
        figures.worlds[name] = {title: round(number / bench.count, 4) for title, number in hits.items()}
        figures.add_share(name, max(hits.values()), bench.count)

    return add


EQUAL_MODELS = 2000
"""Worlds in which the gate judges an equal model."""


def add_equal_gate(bench: Bench, figures: Figures) -> None:
    """The share of equal models that the gate rejects, before any trial; `benchmarks/gate_equal.py`."""
    rejected = [reasons for reasons in bench.map(rejected_equal, EQUAL_MODELS) if reasons]
    figures.add_share("gate_equal_rejected", len(rejected), EQUAL_MODELS)


PARTS: tuple[Callable[[Bench, Figures], None], ...] = (
    add_lines,
    add_worst("novelty_promoted", NOVELTY),
    add_worst("novelty_decaying_promoted", DECAYING),
    add_worst("silence_promoted", SILENCE),
    add_worst("one_fan_promoted", FANS),
    add_equal_gate,
)
"""What the benchmark measures, in this order."""


def measure(count: int, first: int = 0) -> Figures:
    """All results with so many trials of each kind."""
    figures = Figures()
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        bench = Bench(pool, count, first, TrialDesign.for_candidate(CanarySettings()))
        for part in PARTS:
            part(bench, figures)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=4000, help="of each kind in each world")
    parser.add_argument(
        "--first", type=int, default=0, help="added to every seed: other candidates than those of the docs (default 0)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="write benchmarks/results/gate.json, or gate_fresh.json for other seeds"
    )
    arguments = parser.parse_args()
    start = time.monotonic()
    figures = measure(arguments.candidates, arguments.first)
    result: dict[str, Any] = {
        **figures.values,
        "upper": figures.upper,
        "worlds": figures.worlds,
        "candidates": arguments.candidates,
        "first": arguments.first,
        "seconds": round(time.monotonic() - start, 1),
        "cpu_s": round(os.times().children_user, 1),
    }
    if arguments.keep:
        settings = CanarySettings().model_dump()
        report = {**result, "settings": settings, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
        name = "gate_fresh.json" if arguments.first else "gate.json"
        (RESULTS / name).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
