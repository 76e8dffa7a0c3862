"""Reads what users think of jokes, ratings and ballots, and scores the jokes for a dataset."""

import time

from configs.settings import SelectionSettings
from storage.chat.ballots import read_ballots
from storage.database import Database
from storage.learning import rating_arrays
from trainer.selection.scoring import JokeScores, score_jokes

SECONDS_A_DAY = 86400.0


async def read_scores(database: Database, settings: SelectionSettings) -> JokeScores:
    """The scores of all jokes that were rated, or stood on a ballot, within `max_age_days`.

    Data of private and banned users, and dropped or hidden jokes, are left out.
    """
    since = time.time() - settings.max_age_days * SECONDS_A_DAY
    rated = await rating_arrays.read_ratings_since(database, since)
    return score_jokes(rated, settings, (await read_ballots(database)).telling(since))


async def read_good_texts(database: Database, scores: JokeScores) -> dict[int, str]:
    """Texts of the good jokes by id."""
    texts = await rating_arrays.get_texts(database, scores.evidence.joke_ids[scores.good].tolist())
    return {joke: text for joke, (_, text) in texts.items()}
