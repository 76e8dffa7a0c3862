# environment: train
"""Vote brigading: the dataset share of jokes that a brigade pushes, with and without the selection's defences.

Simulation, for each seed: 1,000 photos with 4 jokes each; 100 users, 20 of them brigaders. A joke's true quality is its
photo's appeal (s.d. 0.4) plus its own (s.d. 0.6). Each joke is rated by 1 + Poisson(1.5) honest users, busy users more
often; a rating is the quality plus the user's leniency (s.d. 0.4) plus noise (s.d. 1), cut at ±0.5 into 😐 🙂 😂. All
brigaders give 😂 to one random joke of each of 50 photos (5 %). The dataset has 400 rows.

`poisoned_before`, `poisoned_after`: share of pushed jokes in the dataset, good or bad, with the defences off and on
(without a brigade: 1.25 %). `honest_kept`: share of the rows selected without brigaders that are still selected. Means
over the seeds; `worst_…`: the worst seed. `…_camouflaged`: brigaders also rate 50 jokes each honestly. `…_newcomers`:
brigaders share no joke, so that they form no block; each joins on day 80 of 90, sends 20 photos that no other user
rates, and rates two jokes of each, one 😂 and one 😐, within 5 minutes. Honest users join on one of the first 60 days
and rate in sessions of 15 (one user in ten: 40) within 10 minutes; a joke has one rater, as in private chats.
`unaware_newcomers`: the newcomers' share without rating times. `quality_…`: true quality of the selected rows (s.d. of
all jokes: 0.72), without brigaders, with the defences off and on.
"""

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.settings import SelectionSettings
from storage.learning.rating_arrays import RatingArrays
from trainer.selection.composition import select_jokes
from trainer.selection.holdout_split import HoldoutSplit
from trainer.selection.scoring import score_jokes

PHOTOS, JOKES_PER_PHOTO, USERS, BRIGADERS, PUSHED, ROWS = 1000, 4, 100, 20, 50, 400
JOKES, HONEST = PHOTOS * JOKES_PER_PHOTO, USERS - BRIGADERS
Ratings = tuple[NDArray, NDArray, NDArray]


@dataclass(frozen=True)
class World:
    """Honest and brigade ratings as (joke, user, value 1…3); each joke's true quality; the pushed jokes."""

    honest: Ratings
    brigade: Ratings
    quality: NDArray
    pushed: NDArray
    times: tuple[NDArray, NDArray]


def make_world(seed: int, camouflage: int) -> World:
    """`camouflage`: jokes that each brigader rates honestly. The world's `times`: of honest and brigade ratings, in
    seconds.
    """
    random = np.random.default_rng(seed)
    quality = np.repeat(random.normal(0, 0.4, PHOTOS), JOKES_PER_PHOTO) + random.normal(0, 0.6, JOKES)
    leniency = random.normal(0, 0.4, USERS)

    def verdicts(joke: NDArray, user: NDArray) -> NDArray:
        return 1 + np.digitize(quality[joke] + leniency[user] + random.normal(0, 1, len(joke)), [-0.5, 0.5])

    busy = random.gamma(1, 1, HONEST) + 0.1
    joke = np.repeat(np.arange(JOKES), 1 + random.poisson(1.5, JOKES))
    joke, user = np.unique(np.stack([joke, random.choice(HONEST, len(joke), p=busy / busy.sum())]), axis=1)
    pushed = random.choice(PHOTOS, PUSHED, replace=False) * JOKES_PER_PHOTO + random.integers(
        0, JOKES_PER_PHOTO, PUSHED
    )
    others = np.setdiff1d(np.arange(JOKES), pushed)
    cover = [random.choice(others, camouflage, replace=False) for _ in range(BRIGADERS)]
    brigaders = np.arange(HONEST, USERS)
    covering, covered = np.repeat(brigaders, camouflage), np.concatenate(cover).astype(np.int64)
    brigade = (
        np.concatenate([np.tile(pushed, BRIGADERS), covered]),
        np.concatenate([np.repeat(brigaders, PUSHED), covering]),
        np.concatenate([np.full(PUSHED * BRIGADERS, 3), verdicts(covered, covering)]),
    )
    honest = joke, user, verdicts(joke, user)
    return World(honest, brigade, quality, pushed, (session_times(random, user), hurried(random, len(brigade[0]))))


def make_newcomers(seed: int) -> World:
    """Each brigader pushes own jokes, whose true quality is drawn like that of other jokes."""
    world, random, photos = make_world(seed, 0), np.random.default_rng([seed, 1]), 20 * BRIGADERS
    liked = JOKES + JOKES_PER_PHOTO * np.arange(photos)
    user = np.repeat(np.arange(HONEST, USERS), 20)
    brigade = (np.concatenate([liked, liked + 1]), np.tile(user, 2), np.repeat([3, 1], photos))
    quality = np.concatenate([world.quality, random.normal(0, np.hypot(0.4, 0.6), JOKES_PER_PHOTO * photos)])
    once = np.unique(world.honest[0], return_index=True)[1]
    honest = tuple(column[once] for column in world.honest)
    return World(honest, brigade, quality, liked, (world.times[0][once], hurried(random, 2 * photos)))


def hurried(random: np.random.Generator, ratings: int) -> NDArray:
    return 80 * 86400 + random.integers(0, 300, ratings)


def session_times(random: np.random.Generator, user: NDArray) -> NDArray:
    """Times of the honest users' ratings, in seconds."""
    come, fast = random.integers(0, 60 * 86400, USERS), random.random(USERS) < 0.1
    session = np.zeros(len(user), np.int64)
    for user_id in range(USERS):
        mine = np.flatnonzero(user == user_id)
        session[random.permutation(mine)] = np.arange(len(mine)) // (40 if fast[user_id] else 15)
    starts = come[:, None] + np.cumsum(random.integers(3600, 3 * 86400, (USERS, session.max() + 1)), axis=1)
    return starts[user, session] + random.integers(0, 600, len(user))


def choose(ratings: Ratings, defended: bool, times: NDArray | None = None) -> NDArray:
    """The jokes that the real selection chooses, with default settings except the dataset's size."""
    settings = SelectionSettings(max_rows=ROWS, weigh_raters=defended)
    joke, user, verdict = ratings
    joke_ids, joke = np.unique(joke, return_inverse=True)
    user_ids, rater = np.unique(user, return_inverse=True)
    photos = np.arange(joke_ids.max() // JOKES_PER_PHOTO + 1)
    since = None
    if times is not None:
        since = np.full(len(user_ids), np.iinfo(np.int64).max)
        np.minimum.at(since, rater, times)
    evidence = RatingArrays(joke, rater, verdict, joke_ids, joke_ids // JOKES_PER_PHOTO, user_ids, times, since)
    chosen = select_jokes(
        score_jokes(evidence, settings),
        HoldoutSplit(photos, photos, photos, np.zeros(len(photos), np.int64)),
        (),
        settings,
    )
    return joke_ids[chosen.new]


def attack(world: World, aware: bool = False) -> dict[str, float]:
    """The results of one seed; `aware`: the selection uses rating times."""
    honest_times, all_times = (world.times[0], np.concatenate(world.times)) if aware else (None, None)
    both = tuple(np.concatenate(parts) for parts in zip(world.honest, world.brigade, strict=True))
    clean, before, after = choose(world.honest, True, honest_times), choose(both, False), choose(both, True, all_times)
    plain = choose(world.honest, False)
    return {
        "poisoned_before": np.isin(before, world.pushed).mean(),
        "poisoned_after": np.isin(after, world.pushed).mean(),
        "honest_kept": np.isin(clean, after).mean(),
        "honest_kept_of_undefended": np.isin(plain, after).mean(),
        "quality_clean": world.quality[clean].mean(),
        "quality_before": world.quality[before].mean(),
        "quality_after": world.quality[after].mean(),
        "rows": len(after),
        **({"unaware": np.isin(choose(both, True), world.pushed).mean()} if aware else {}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    start, result = time.monotonic(), {}
    worlds = {
        "": lambda seed: make_world(seed, 0),
        "_camouflaged": lambda seed: make_world(seed, 50),
        "_newcomers": make_newcomers,
    }
    for suffix, world in worlds.items():
        runs = [attack(world(seed), aware=suffix == "_newcomers") for seed in range(seeds)]
        figures = {name: [run[name] for run in runs] for name in runs[0]}
        result |= {name + suffix: round(float(np.mean(values)), 4) for name, values in figures.items()}
        result |= {
            f"worst_poisoned_after{suffix}": round(float(max(figures["poisoned_after"])), 4),
            f"worst_honest_kept{suffix}": round(float(min(figures["honest_kept"])), 4),
        }
    print(json.dumps(result | {"seeds": seeds, "seconds": round(time.monotonic() - start, 1)}))


if __name__ == "__main__":
    main()
