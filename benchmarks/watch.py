"""`make bench-watch`: rollbacks after simulated promotions of equal champions and of champions that are worse.

Uses the monitor's own suspicion (`bot.experiments.suspicion`) after every rating, then the trial of the predecessor
(`bot.experiments.sequential_test`) with the default settings: 1,000 ratings or 30 days in all. 30 users, one rating a
joke, a duel for every third photo during the trial. The predecessor was rated for 10 days before.

`false_rollbacks_worst`: share of rollbacks of a champion that is as good as its predecessor, the worst of all worlds
(`false_rollbacks` lists them: a liking of .3 and .5; steady, or everybody's liking falls or rises by 10 points a month,
or half of the ratings after a month are by newcomers who like 20 points less; 48 and 200 ratings a day).
`falls_found`: share of rollbacks within 1,000 ratings of a champion that is 10 points worse, the worst of the worlds
(`falls`). `suspected`: share of equal champions that get a trial, by world. `upper`: the upper 95 % confidence bound of
false_rollbacks_worst, `falls_lower` the lower one of falls_found.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.simulated_worlds import Cores, Options, Share, finish, parts_of  # noqa: E402
from benchmarks.trial_state import Array  # noqa: E402
from benchmarks.trial_worlds import Simulation, World  # noqa: E402
from bot.experiments.suspicion import LikingSums, is_suspect  # noqa: E402
from bot.experiments.trial_design import TrialDesign  # noqa: E402
from bot.experiments.watch_comparison import COMPARED_DAYS  # noqa: E402
from configs.trials import ChampionMonitorSettings  # noqa: E402

FALL, MONTHLY = 0.1, 0.1 / 30
FALLS = 0.0, FALL
"""What champions are worse by than their predecessors."""
CHANGES = {
    "steady": {"rises": 0.0},
    "falling": {"rises": -MONTHLY},
    "rising": {"rises": MONTHLY},
    "stricter newcomers": {"newcomers": -0.2},
}
WORLDS = {
    f"{name}, liking {liking}, {pace} a day": World(liking=liking, pace=pace, duels=1 / 3, **change)
    for name, change in CHANGES.items()
    for liking in (0.3, 0.5)
    for pace in (48, 200)
}
MIN_REST = 0.5
BUCKET, CHUNK = 100, 2000
"""Trials that begin within so many ratings are simulated together, with the fewer ratings that are left; and watches
that one process simulates at once."""


@dataclass(frozen=True)
class Watches:
    """The numbers of watches: all, those with a trial, rollbacks, and rollbacks within the watch's ratings."""

    count: int
    suspected: int
    rollbacks: int
    in_time: int

    def __add__(self, other: "Watches") -> "Watches":
        names = self.__dataclass_fields__
        return Watches(*(getattr(self, name) + getattr(other, name) for name in names))


def liking_at(world: World, days: Array) -> Array:
    """The predecessor's liking at a time, in days since the promotion, averaged over old and new users."""
    return world.liking + world.rises * days + world.newcomers * np.clip(days / 60, 0.0, 0.5)


def sums_of(values: Array, numbers: Array) -> LikingSums:
    """The sums of likings of photos that were rated once each."""
    return LikingSums(numbers, values, values)


def first_suspicion(
    world: World, fall: float, count: int, settings: ChampionMonitorSettings, draw: np.random.Generator
) -> Array:
    """The number of ratings after which each champion is suspected; larger than the watch's ratings if never."""
    before = max(1, round(COMPARED_DAYS * world.pace))
    days = (np.arange(before) + 0.5) / world.pace - COMPARED_DAYS
    old = (draw.random((count, before)) < liking_at(world, days)).sum(1, keepdims=True).astype(float)
    numbers = np.arange(1.0, settings.ratings + 1)
    liking = liking_at(world, numbers / world.pace) - fall
    new = (draw.random((count, settings.ratings)) < liking).cumsum(1).astype(float)
    suspect = is_suspect(sums_of(old, np.asarray(float(before))), sums_of(new, numbers), numbers)
    suspect &= numbers / world.pace < settings.days
    return np.where(suspect.any(1), suspect.argmax(1) + 1, settings.ratings + 1)


def watch(world: World, fall: float, count: int, seed: list[int]) -> Watches:
    """Simulate watches of champions that are `fall` worse."""
    settings, draw = ChampionMonitorSettings(), np.random.default_rng(seed)
    begins = first_suspicion(world, fall, count, settings, draw)
    # In the trial the new champion is the champion, and the predecessor the candidate.
    trial = replace(world, liking=world.liking - fall, effect=fall)
    rollbacks = in_time = 0
    buckets = np.minimum(-(-begins // BUCKET) * BUCKET, settings.ratings)
    suspected = begins <= settings.ratings
    for bucket in np.unique(buckets[suspected]):
        some = suspected & (buckets == bucket)
        left = max(settings.ratings - int(bucket), round(MIN_REST * settings.ratings))
        days = max(settings.days - bucket / world.pace, MIN_REST * settings.days)
        design = TrialDesign.for_predecessor(settings, left, days)
        outcome = Simulation(trial, design, draw).run(int(some.sum()), begins[some] / world.pace)
        back = outcome.reasons == "better"
        rollbacks += int(back.sum())
        in_time += int((back & (begins[some] + outcome.presses <= settings.ratings)).sum())
    return Watches(count, int(suspected.sum()), rollbacks, in_time)


def measure(cores: Cores, options: Options) -> dict[float, dict[str, Watches]]:
    """The watches of equal champions and of worse ones, by what they are worse by and by world."""
    jobs, keys = [], []
    for number, fall in enumerate(FALLS):
        for place, (name, world) in enumerate(WORLDS.items()):
            for part, size in parts_of(options.count, CHUNK):
                keys.append((fall, name))
                jobs.append((world, fall, size, [options.first, number, place, part]))
    found = {fall: {name: Watches(0, 0, 0, 0) for name in WORLDS} for fall in FALLS}
    for (fall, name), part_of_all in zip(keys, cores.map(watch, jobs), strict=True):
        found[fall][name] += part_of_all
    return found


def main() -> None:
    options = Options.parse(__doc__, default=4000)
    with Cores() as cores:
        equal, falls = measure(cores, options).values()
        seconds = cores.seconds()
    wrong = {name: Share(result.rollbacks, result.count) for name, result in equal.items()}
    right = {name: Share(result.in_time, result.count) for name, result in falls.items()}
    worst = max(wrong.values(), key=lambda share: share.hits)
    fewest = min(right.values(), key=lambda share: share.hits)
    result = {
        "false_rollbacks_worst": worst.value,
        "upper": worst.upper,
        "falls_found": fewest.value,
        "falls_lower": fewest.lower,
        "false_rollbacks": {name: share.value for name, share in wrong.items()},
        "falls": {name: share.value for name, share in right.items()},
        "suspected": {name: Share(result.suspected, result.count).value for name, result in equal.items()},
        "watches": options.count,
        "first": options.first,
        **seconds,
    }
    finish(result, "watch", options, ChampionMonitorSettings().model_dump(), 0)


if __name__ == "__main__":
    main()
