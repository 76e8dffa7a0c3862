"""Previews the training data of a run without writing a dataset."""

import time

from configs.blocklist import BlockList
from configs.settings import SelectionSettings
from storage.database import Database
from storage.learning import datasets, rating_arrays
from storage.learning.retrain_preview import RetrainPreview
from trainer.dataset.export import SECONDS_A_DAY
from trainer.selection.composition import select_jokes
from trainer.selection.holdout_split import update_split
from trainer.selection.scoring import score_jokes


async def preview_retraining(database: Database, settings: SelectionSettings, blocked: BlockList) -> RetrainPreview:
    """Select jokes as an export does, without jokes on the list `blocked`.

    It also stores the split's side of new photos, as an export does.
    """
    split = await update_split(
        database, share=settings.holdout_share, near_bits=settings.near_duplicate_bits, enough=settings.holdout_enough
    )
    rated = await rating_arrays.read_ratings_since(database, time.time() - settings.max_age_days * SECONDS_A_DAY)
    if not len(rated.value):
        return RetrainPreview(0, 0, 0, 0)
    scores = score_jokes(rated, settings)
    texts = await rating_arrays.get_texts(database, scores.evidence.joke_ids[scores.good].tolist())
    chosen = select_jokes(
        scores,
        split,
        await datasets.list_learnt_jokes(database),
        settings,
        {joke for joke, (language, text) in texts.items() if blocked.hit(text, language)},
        texts={joke: text for joke, (_, text) in texts.items()},
    )
    new = rated.joke_ids[chosen.new].tolist()
    used = {*chosen.new, *chosen.replayed}
    people = {rater for joke, rater in zip(rated.joke.tolist(), rated.rater.tolist(), strict=True) if joke in used}
    return RetrainPreview(
        len(new),
        len(set(new) - await datasets.list_trained_jokes(database)),
        len(chosen.replayed),
        len(people),
        tuple(new),
        left_out={reason: count for reason, count in chosen.excluded.items() if count},
    )
