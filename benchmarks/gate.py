"""`make bench-gate`: promotions by the canary's test in simulated trials of harmful, equal and better candidates.

Uses `bot.experiments.SequentialTest` with its default settings, evaluated after every rating. The champion's jokes are
liked with probability .5, a harmful candidate's with .45, an equal one's with .5, a better one's with .6. A photo goes
to the candidate with the probability of the latest evaluation. Two rating models:

    one rater per joke    independent ratings
    `…_groups`            eight raters per joke with the joke's own probability, from a Beta distribution with the
                          model's mean and standard deviation .25 (a truncated normal changes both). A joke's ratings
                          arrive one by one, interleaved with those of later jokes

`harmful_promoted`, `equal_promoted`, `better_promoted`: share of candidates promoted within 1,000 ratings of both arms.
`median_ratings`: median number of ratings at a better candidate's promotion. Further keys: `…_stopped`, shares stopped
for harm; `terrible_ratings`, median number of a candidate's own ratings until it is stopped, if no user likes it;
`drift_equal_promoted`: equal candidates while the base liking drifts from .4 to .6.
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
"""With groups: raters per joke, standard deviation of a joke's effect, and the mean number of newer jokes that are
shown before a rater rates."""


@dataclass
class Joke:
    arm: int
    stage: int
    probability: float
    likes: int = 0
    ratings: int = 0


@dataclass(frozen=True)
class World:
    """Raters per joke, and the champion's liking at the start and end of the trial."""

    raters: int = 1
    first: float = BASE
    last: float = BASE


def simulate(seed: int, world: World, effect: float, settings: CanarySettings) -> TrialDecision:
    """Simulate one trial to its end."""
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
    """Draw a joke's probability of being liked; near a mean of 0, where no Beta has this spread, it is the mean."""
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
    run_trial = partial(simulate, world=world, effect=effect, settings=CanarySettings())
    return list(pool.map(run_trial, range(seed, seed + count), chunksize=max(1, count // 50)))


def share(decisions: list[TrialDecision], answer: str) -> float:
    return round(sum(decision.answer == answer for decision in decisions) / len(decisions), 4)


def measure(pool: ProcessPoolExecutor, count: int, suffix: str, world: World, first: int = 0) -> dict[str, float]:
    """The results of one rating model; `first` is added to every seed."""
    figures: dict[str, float] = {}
    for index, (name, effect) in enumerate(EFFECTS.items()):
        decisions = trials(pool, count, first + 1_000_000 * (index + 1), world, effect)
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
        report = {
            **result,
            "settings": CanarySettings().model_dump(),
            "machine": machine(),
            "date": time.strftime("%Y-%m-%d"),
        }
        (RESULTS / ("gate_fresh.json" if arguments.first else "gate.json")).write_text(
            json.dumps(report, indent=2) + "\n", encoding="utf-8"
        )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
