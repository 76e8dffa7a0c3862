"""`make bench-gate`: what the canary's test promotes, over simulated trials of harmful, equal and better candidates.

The product's own `bot.experiments.SequentialTest` with its default settings looks after every single rating. The
champion's jokes are liked with probability .5, a harmful candidate's with .45, an equal one's with .5, a clearly better
one's with .6. Each photo goes to the candidate with the probability that the last look gave. Two worlds:

    one rater a joke      each rating is a coin of its own
    `…_groups`            eight raters a joke, who share the joke's own probability: a Beta distribution around the
        model's
                          liking with standard deviation .25 (a cut normal would have another mean and spread). A joke's
                          ratings come in one by one while later jokes are already being rated

`harmful_promoted`, `equal_promoted`, `better_promoted`: share of candidates promoted within the 1,000 ratings of both
arms together. `median_ratings`: median, over better candidates, of the ratings at their promotion. Further keys:
`…_stopped`, shares stopped for harm; `terrible_ratings`, median of the candidate's own ratings until one that nobody
likes is stopped; `drift_equal_promoted`: equal candidates where the base liking goes from .4 to .6 in the trial.
"""

import argparse
import heapq
import json
import os
import random
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import RESULTS, machine  # noqa: E402
from bot.experiments import SequentialTest, TrialData, TrialDecision  # noqa: E402
from configs.learning import CanarySettings  # noqa: E402

BASE, EFFECTS = 0.5, {"harmful": -0.05, "equal": 0.0, "better": 0.1}
GROUP, SPREAD, BETWEEN = 8, 0.25, 4.0
"""Raters of a joke in the second world, the standard deviation of a joke's effect, and the mean number of newer
jokes that are shown until one of its raters has rated."""


@dataclass
class Joke:
    arm: int
    stage: int
    probability: float
    likes: int = 0
    ratings: int = 0


@dataclass(frozen=True)
class World:
    """Raters a joke, and the champion's liking at the trial's beginning and end."""

    raters: int = 1
    first: float = BASE
    last: float = BASE


def simulate(seed: int, world: World, effect: float, settings: CanarySettings) -> TrialDecision:
    """One trial, to its end."""
    draw, trial, evidence = random.Random(seed), SequentialTest(settings), TrialData()
    decision, waiting, number = trial.evaluate_data(evidence), [], 0
    while True:
        base = world.first + (world.last - world.first) * decision.ratings / settings.max_ratings
        arm = int(draw.random() < decision.share)
        joke = Joke(arm, decision.stage, liking(draw, base + arm * effect, world))
        for rater in range(world.raters):
            delay = draw.expovariate(1 / BETWEEN) if world.raters > 1 else 0.0
            heapq.heappush(waiting, (number + delay, number, rater, joke))
        number += 1
        while waiting and waiting[0][0] < number:
            decision = trial.evaluate_data(rate(heapq.heappop(waiting)[3], evidence, draw))
            if decision.answer != "go on":
                return decision


def liking(draw: random.Random, mean: float, world: World) -> float:
    """A joke's own probability to be liked. Near 0 no distribution has that spread, and jokes are alike."""
    size = mean * (1 - mean) / SPREAD**2 - 1
    if world.raters == 1 or size <= 0:
        return mean
    return draw.betavariate(mean * size, (1 - mean) * size)


def rate(joke: Joke, evidence: TrialData, draw: random.Random) -> TrialData:
    tally = evidence.sums_of(joke.stage, joke.arm)
    if joke.ratings:
        tally.remove(joke.likes, joke.ratings)
    joke.likes += draw.random() < joke.probability
    joke.ratings += 1
    tally.add(joke.likes, joke.ratings)
    return evidence


def trials(pool: ProcessPoolExecutor, count: int, seed: int, world: World, effect: float) -> list[TrialDecision]:
    one = partial(simulate, world=world, effect=effect, settings=CanarySettings())
    return list(pool.map(one, range(seed, seed + count), chunksize=max(1, count // 50)))


def share(decisions: list[TrialDecision], answer: str) -> float:
    return round(sum(decision.answer == answer for decision in decisions) / len(decisions), 4)


def measure(pool: ProcessPoolExecutor, count: int, suffix: str, world: World, first: int = 0) -> dict[str, float]:
    """One world's figures; `first` is added to every seed."""
    figures: dict[str, float] = {}
    for place, (name, effect) in enumerate(EFFECTS.items()):
        decisions = trials(pool, count, first + 1_000_000 * (place + 1), world, effect)
        figures[f"{name}_promoted{suffix}"] = share(decisions, "promote")
        figures[f"{name}_stopped{suffix}"] = share(decisions, "harm")
        if name == "better":
            figures[f"median_ratings{suffix}"] = statistics.median(
                [decision.ratings for decision in decisions if decision.answer == "promote"] or [0]
            )
    terrible = trials(pool, count // 10, first + 4_000_000, world, -0.499)
    figures[f"terrible_ratings{suffix}"] = statistics.median(decision.candidate.ratings for decision in terrible)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=1000, help="of each kind in each world")
    parser.add_argument(
        "--first",
        type=int,
        default=0,
        help="added to every seed: other candidates than the lines were settled with (default 0)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="write benchmarks/results/gate.json, or gate_fresh.json for other seeds"
    )
    arguments = parser.parse_args()
    start, cores = time.monotonic(), len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores) as pool:
        figures = {
            **measure(pool, arguments.candidates, "", World(), arguments.first),
            **measure(pool, arguments.candidates, "_groups", World(GROUP), arguments.first),
        }
        drifting = trials(
            pool, arguments.candidates, arguments.first + 5_000_000, World(1, BASE - 0.1, BASE + 0.1), 0.0
        )
        figures["drift_equal_promoted"] = share(drifting, "promote")
    result = {
        **figures,
        "candidates": arguments.candidates,
        "first": arguments.first,
        "seconds": round(time.monotonic() - start, 1),
        "cpu_s": round(os.times().children_user, 1),
    }
    if arguments.keep:
        told = {
            **result,
            "settings": CanarySettings().model_dump(),
            "machine": machine(),
            "date": time.strftime("%Y-%m-%d"),
        }
        (RESULTS / ("gate_fresh.json" if arguments.first else "gate.json")).write_text(
            json.dumps(told, indent=2) + "\n", encoding="utf-8"
        )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
