# environment: train
"""A brigade pushes jokes: how many of them get into a dataset, with the selection's defences and without?

The world, drawn anew for each seed: 1,000 photos with 4 jokes each; 100 people, of whom 20 are brigaders. A joke's true
quality is its photo's appeal (s.d. 0.4) plus its own (s.d. 0.6). Each joke is rated by 1 + Poisson(1.5) honest people,
busy ones more often; a verdict is the quality plus the person's leniency (s.d. 0.4) plus noise (s.d. 1), cut at ±0.5 into
😐 🙂 😂. All brigaders give 😂 to one joke, drawn at random, of each of 50 photos (5 %). The dataset has 400 rows.

`poisoned_before` and `poisoned_after`: share of the dataset's rows that are pushed jokes, whether these are good or bad
(an unpushed joke would be as likely there as any: a share of 1.25 %), with the defences off and on. `honest_kept`: share
of the rows chosen without brigaders, by the same selection, that are still chosen. Means over the seeds, `worst_…` the
worst seed. The keys ending in `_camouflaged` are of brigaders who also rate 50 jokes each honestly. `quality_…` is the
true quality of the chosen rows (s.d. of all jokes: 0.72), without brigaders, with the defences off and on.
"""
import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.settings import Selection
from storage.evidence import Evidence
from trainer.select import compose, score
from trainer.split import Split

PHOTOS, JOKES_PER_PHOTO, PEOPLE, BRIGADERS, PUSHED, ROWS = 1000, 4, 100, 20, 50, 400
JOKES, HONEST = PHOTOS * JOKES_PER_PHOTO, PEOPLE - BRIGADERS
Ratings = tuple[NDArray, NDArray, NDArray]


@dataclass(frozen=True)
class World:
    """Honest ratings and the brigade's, as (joke, person, verdict 1…3); each joke's true quality; the pushed jokes."""

    honest: Ratings
    brigade: Ratings
    quality: NDArray
    pushed: NDArray


def make_world(seed: int, camouflage: int) -> World:
    """`camouflage` is the number of jokes that each brigader rates honestly."""
    random = np.random.default_rng(seed)
    quality = np.repeat(random.normal(0, 0.4, PHOTOS), JOKES_PER_PHOTO) + random.normal(0, 0.6, JOKES)
    leniency = random.normal(0, 0.4, PEOPLE)

    def verdicts(joke: NDArray, person: NDArray) -> NDArray:
        return 1 + np.digitize(quality[joke] + leniency[person] + random.normal(0, 1, len(joke)), [-0.5, 0.5])

    busy = random.gamma(1, 1, HONEST) + 0.1
    joke = np.repeat(np.arange(JOKES), 1 + random.poisson(1.5, JOKES))
    joke, person = np.unique(np.stack([joke, random.choice(HONEST, len(joke), p=busy / busy.sum())]), axis=1)
    pushed = random.choice(PHOTOS, PUSHED, replace=False) * JOKES_PER_PHOTO + random.integers(0, JOKES_PER_PHOTO, PUSHED)
    others = np.setdiff1d(np.arange(JOKES), pushed)
    cover = [random.choice(others, camouflage, replace=False) for _ in range(BRIGADERS)]
    brigaders = np.arange(HONEST, PEOPLE)
    covering, covered = np.repeat(brigaders, camouflage), np.concatenate(cover).astype(np.int64)
    brigade = (np.concatenate([np.tile(pushed, BRIGADERS), covered]), np.concatenate([np.repeat(brigaders, PUSHED), covering]),
               np.concatenate([np.full(PUSHED * BRIGADERS, 3), verdicts(covered, covering)]))
    return World((joke, person, verdicts(joke, person)), brigade, quality, pushed)


def choose(ratings: Ratings, defended: bool) -> NDArray:
    """The jokes that the product's own selection puts into a dataset, with its default settings but for the size."""
    settings = Selection(max_rows=ROWS, weigh_raters=defended)
    joke, person, verdict = ratings
    joke_ids, joke = np.unique(joke, return_inverse=True)
    people, rater = np.unique(person, return_inverse=True)
    photos = np.arange(PHOTOS)
    evidence = Evidence(joke, rater, verdict, joke_ids, joke_ids // JOKES_PER_PHOTO, people)
    chosen = compose(score(evidence, settings), Split(photos, photos, photos, np.zeros(PHOTOS, np.int64)), (), settings)
    return joke_ids[chosen.new]


def attack(world: World) -> dict[str, float]:
    """One seed's figures."""
    both = tuple(np.concatenate(parts) for parts in zip(world.honest, world.brigade, strict=True))
    clean, before, after = choose(world.honest, True), choose(both, False), choose(both, True)
    plain = choose(world.honest, False)
    return {"poisoned_before": np.isin(before, world.pushed).mean(), "poisoned_after": np.isin(after, world.pushed).mean(),
            "honest_kept": np.isin(clean, after).mean(), "honest_kept_of_undefended": np.isin(plain, after).mean(),
            "quality_clean": world.quality[clean].mean(), "quality_before": world.quality[before].mean(),
            "quality_after": world.quality[after].mean(), "rows": len(after)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    start, result = time.monotonic(), {}
    for suffix, camouflage in (("", 0), ("_camouflaged", 50)):
        runs = [attack(make_world(seed, camouflage)) for seed in range(seeds)]
        figures = {name: [run[name] for run in runs] for name in runs[0]}
        result |= {name + suffix: round(float(np.mean(values)), 4) for name, values in figures.items()}
        result |= {f"worst_poisoned_after{suffix}": round(float(max(figures["poisoned_after"])), 4),
                   f"worst_honest_kept{suffix}": round(float(min(figures["honest_kept"])), 4)}
    print(json.dumps(result | {"seeds": seeds, "seconds": round(time.monotonic() - start, 1)}))


if __name__ == "__main__":
    main()
