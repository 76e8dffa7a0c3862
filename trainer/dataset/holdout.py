"""The held-out part: all rated jokes, liked and disliked, of photos that are never trained on."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from storage.chat.ratings import LIKED
from storage.database import Database
from storage.learning import rating_arrays
from storage.learning.splits import SIDES
from trainer.dataset.manifest import ScoredJoke, WeightedRating
from trainer.selection.holdout_split import HoldoutSplit
from trainer.selection.scoring import JokeScores


async def select_holdout(
    database: Database, scores: JokeScores, split: HoldoutSplit, most_photos: int
) -> list[ScoredJoke]:
    """The rated jokes of at most `most_photos` held-out photos, by joke id; ratings of any age count."""
    photo_ids = split.photo_ids[split.sides == SIDES.index("holdout")]
    ratings = await rating_arrays.read_ratings_of_photos(database, photo_ids.tolist())
    ratings = ratings[np.isin(ratings[:, 3], rank_photos(ratings)[:most_photos])]
    counted = scores.verdicts(ratings[:, 0])
    indices = {joke: index for index, joke in enumerate(scores.evidence.joke_ids.tolist()) if joke in counted}
    verdicts: dict[int, list[WeightedRating]] = defaultdict(list)
    for joke, person, value, _ in ratings.tolist():
        verdicts[joke].append((person, value, counted.get(joke, {}).get(person, (value, None))[1]))
    jokes = []
    for joke, source in sorted((await rating_arrays.get_sources(database, verdicts)).items()):
        index = indices.get(joke)
        jokes.append(
            ScoredJoke(
                source,
                "holdout",
                "held out",
                verdicts[joke],
                None if index is None else float(scores.posterior[index]),
                None if index is None else float(scores.mean[index]),
            )
        )
    return jokes


def rank_photos(ratings: NDArray[np.int64]) -> NDArray[np.int64]:
    """Photos of ratings (joke, user, value, photo): those with liked and disliked jokes first, then by id."""
    photos, index = np.unique(ratings[:, 3], return_inverse=True)
    liked = np.bincount(index, ratings[:, 2] >= LIKED, len(photos)) > 0
    disliked = np.bincount(index, ratings[:, 2] < LIKED, len(photos)) > 0
    return photos[np.lexsort((photos, ~(liked & disliked)))]
