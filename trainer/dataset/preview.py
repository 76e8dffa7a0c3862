"""Previews the training data of a run without writing a dataset."""

from configs.blocklist import BlockList
from configs.settings import SelectionSettings
from storage.database import Database
from storage.learning import datasets, rating_arrays
from storage.learning.retrain_preview import RetrainPreview
from trainer.dataset.evidence import read_scores
from trainer.selection.composition import select_jokes
from trainer.selection.holdout_split import update_split


async def preview_retraining(database: Database, settings: SelectionSettings, blocked: BlockList) -> RetrainPreview:
    """Select jokes as an export does, without jokes on the list `blocked`.

    It also stores the split's side of new photos, as an export does.
    """
    split = await update_split(
        database, share=settings.holdout_share, near_bits=settings.near_duplicate_bits, enough=settings.holdout_enough
    )
    scores = await read_scores(database, settings)
    rated, votes = scores.evidence, scores.votes
    if not len(rated.joke_ids):
        return RetrainPreview(0, 0, 0, 0)
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
    pairs = zip(
        (*rated.joke.tolist(), *votes.joke.tolist()), (*rated.rater.tolist(), *votes.rater.tolist()), strict=True
    )
    people = {rater for joke, rater in pairs if joke in used}
    return RetrainPreview(
        len(new),
        len(set(new) - await datasets.list_trained_jokes(database)),
        len(chosen.replayed),
        len(people),
        tuple(new),
        left_out={reason: count for reason, count in chosen.excluded.items() if count},
    )
