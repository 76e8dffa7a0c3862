"""How much there is to learn: the good new pairs, before a run is begun. Takes a second or two; no model is loaded."""
import time
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from configs.settings import Settings
from storage import datasets, evidence, runs
from storage.database import Database
from trainer.dataset.export import SECONDS_A_DAY
from trainer.select import compose, score
from trainer.split import update_split


@dataclass(frozen=True)
class Pairs:
    """What a run begun now would learn: `new` good pairs, rated by `people`, of which no run has trained on `untried` yet.

    `minimum` is the least that a run wants; `seconds` is what the last runs took up to their trial, None before the first.
    """

    new: int
    people: int
    untried: int
    minimum: int
    seconds: float | None


async def count(database: Database, settings: Settings) -> Pairs:
    """Select as an export would; pictures are not looked at, so the export may leave out a few more."""
    selection = settings.selection
    split = await update_split(database, share=selection.holdout_share, near_bits=selection.near_duplicate_bits)
    scores = score(await evidence.ratings_since(database, time.time() - selection.max_age_days * SECONDS_A_DAY), selection)
    chosen = compose(scores, split, await datasets.learnt_jokes(database), selection)
    rated = scores.evidence
    new = rated.joke_ids[np.array(chosen.new, np.int64)]
    return Pairs(len(new), len(np.unique(rated.rater[np.isin(rated.joke, chosen.new)])), without(new.tolist(), await datasets.tried_jokes(database)),
                 settings.retrain.minimum_pairs, await runs.typical_seconds(database))


def without(jokes: Collection[int], tried: Collection[int]) -> int:
    return len(set(jokes) - set(tried))
