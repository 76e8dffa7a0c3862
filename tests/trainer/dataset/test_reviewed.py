"""Jokes that an admin dropped are not selected; the review queue has the jokes that an export would select."""

from configs.blocklist import BlockList
from configs.settings import SelectionSettings
from storage.learning import rating_arrays
from storage.learning.review_queue import get_next_item, record_decision, set_review_queue
from trainer.dataset.preview import preview_retraining

ALL_TRAIN = {"holdout_share": 1e-9}


def jokes_in(exported, part="train"):
    return [entry["joke"] for entry in exported.manifest["rows"] if entry["part"] == part]


async def test_a_dropped_joke_is_in_no_dataset_until_it_is_kept_after_all(memory):
    good = [await memory.rated("33") for _ in range(4)]
    await memory.rated("11")
    await record_decision(memory.database, good[0], kept=False, asked_by=1)
    await record_decision(memory.database, good[1], kept=True, asked_by=1)
    assert set(jokes_in(await memory.exporter(**ALL_TRAIN).export())) == set(good[1:])
    assert good[0] not in (await rating_arrays.read_ratings_since(memory.database, 0)).joke_ids
    await record_decision(memory.database, good[0], kept=True, asked_by=1)
    assert set(jokes_in(await memory.exporter(**ALL_TRAIN).export())) == set(good)


async def test_a_dropped_joke_is_not_held_out_either(memory):
    for _ in range(30):
        photo = await memory.photo()
        await memory.rated("3", photo=photo)
        await memory.rated("1", photo=photo)
    held_out = jokes_in(await memory.exporter(holdout_share=0.3).export(), "holdout")
    await record_decision(memory.database, held_out[0], kept=False, asked_by=1)
    assert set(jokes_in(await memory.exporter(holdout_share=0.3).export(), "holdout")) == set(held_out) - {held_out[0]}


async def test_the_queue_is_what_would_be_learnt_best_first(memory):
    good = [await memory.rated("3" * raters) for raters in (1, 3, 2)]
    await memory.rated("11")
    found = await preview_retraining(memory.database, SelectionSettings(**ALL_TRAIN), BlockList())
    exported = jokes_in(await memory.exporter(**ALL_TRAIN).export())
    assert list(found.jokes) == exported and set(exported) == set(good)
    await set_review_queue(memory.database, [*found.jokes, 999])
    waiting = await get_next_item(memory.database)
    assert (waiting.joke_id, waiting.left) == (exported[0], 3)
