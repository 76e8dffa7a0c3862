"""Data older than the retention settings allow is deleted from tables, photo store and datasets."""

import time

import pytest

from configs.safety import RetentionSettings
from storage.chat.ratings import record_rating
from storage.learning import datasets, promotion, runs, tainted_models
from storage.learning.dataset_files import read_dataset
from storage.learning.models import NewModel
from storage.maintenance.retention import delete_aged_data
from storage.media.photos import features_folder, photo_path

ALICE, BOB = 7, 8
DAY = 86400.0


@pytest.fixture
def ages(database, memory):
    """Runs the pass with these settings."""

    async def run(**settings):
        return await delete_aged_data(database, memory.photos, memory.datasets, RetentionSettings(**settings))

    return run


async def make_old(database, table, column, days, where="true"):
    async with database.write() as connection:
        await connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (time.time() - days * DAY,))


async def old_and_new(database, memory):
    """An old photo of Alice's and a new one of Bob's, each with a joke that both rated."""
    old, new = await memory.photo(ALICE), await memory.photo(BOB, 330)
    jokes = await memory.joke(old, ALICE), await memory.joke(new, BOB)
    for joke in jokes:
        for person in (ALICE, BOB):
            await record_rating(database, joke, person, 3)
    await make_old(database, "photos", "created_at", 40, f"id = {old.id}")
    await make_old(database, "photo_senders", "sent_at", 40, f"photo_id = {old.id}")
    await make_old(database, "jokes", "created_at", 40, f"id = {jokes[0]}")
    await make_old(database, "ratings", "updated_at", 40, f"joke_id = {jokes[0]}")
    return old, new, *jokes


async def counts(database):
    return [await database.value(f"SELECT count(*) FROM {table}") for table in ("photos", "jokes", "ratings")]


async def test_nothing_goes_by_itself_where_nothing_is_set(database, memory, ages):
    await old_and_new(database, memory)
    assert await ages() is None and await counts(database) == [2, 2, 4]


@pytest.mark.parametrize(
    ("setting", "left"), [("photos_days", [1, 1, 2]), ("jokes_days", [2, 1, 2]), ("ratings_days", [2, 2, 2])]
)
async def test_what_is_too_old_goes_with_what_hangs_on_it(database, memory, ages, setting, left):
    old, new, *_ = await old_and_new(database, memory)
    await ages(**{setting: 50})
    assert await counts(database) == [2, 2, 4]
    await ages(**{setting: 30})
    assert await counts(database) == left
    assert photo_path(memory.photos, old).exists() == (left[0] == 2) and photo_path(memory.photos, new).exists()


async def test_an_old_photo_that_is_sent_again_is_young(database, memory, ages):
    old, *_ = await old_and_new(database, memory)
    assert (await memory.photo(ALICE)).id == old.id
    await ages(photos_days=30)
    assert await counts(database) == [2, 2, 4]


async def test_datasets_and_kept_features_lose_it_too(database, memory, ages):
    old, new, aged, young = await old_and_new(database, memory)
    directory = await memory.dataset({aged: old, young: new}, [(aged, ALICE), (young, BOB)])
    kept = features_folder(memory.photos) / "model" / f"{old.sha256}-3.bf16"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"seen")
    await ages(photos_days=30)
    assert not directory.exists() and not kept.exists()
    (known,) = await datasets.all_datasets(database)
    assert [row["id"] for row in read_dataset(memory.datasets / known.name).train] == [f"joke-{young}"]


async def test_verdicts_too_old_leave_manifests_with_their_raters(database, memory, ages):
    old, new, aged, young = await old_and_new(database, memory)
    await make_old(database, "ratings", "updated_at", 40, f"person_id = {ALICE}")
    directory = await memory.dataset({young: new}, [(young, ALICE), (young, BOB)])
    await datasets.mark_dataset(database, directory.name, "trained")
    await ages(ratings_days=30)
    (entry,) = read_dataset(directory).manifest["rows"]
    assert len(entry["ratings"]) == 1


async def trained(database, memory, jokes):
    """A model that was trained on these jokes."""
    directory = await memory.dataset(jokes, [(joke, BOB) for joke in jokes])
    await datasets.mark_dataset(database, directory.name, "trained")
    run = await runs.create_run(database, "command")
    for state in ("exporting", "training", "merging"):
        run = await runs.advance(database, run, state)
    new = NewModel("joke-1", memory.model, memory.model, memory.model, directory.name, run.id, "/nowhere", "d", "{}")
    return directory, await promotion.record_merge(database, run, new)


async def test_a_model_serves_on_after_what_it_learnt_has_aged_out_but_not_after_its_person_is_forgotten(
    database, memory, ages
):
    old, new, aged, young = await old_and_new(database, memory)
    directory, run = await trained(database, memory, {aged: old, young: new})
    await promotion.end_run(database, run, "failed", "")
    await ages(photos_days=30)
    assert [row["id"] for row in read_dataset(directory).train] == [f"joke-{young}"]
    assert await tainted_models.list_tainted_models(database) == []
    assert not await datasets.has_forgotten_rows(database, directory.name)
    await memory.forget(ALICE)
    assert [model.id for model in await tainted_models.list_tainted_models(database)] == [run.candidate_id]
    assert await database.value("SELECT count(*) FROM aged_people") == 0


async def test_a_run_under_way_comes_to_its_end_first(database, memory, ages):
    old, new, aged, young = await old_and_new(database, memory)
    _, run = await trained(database, memory, {aged: old, young: new})
    assert await ages(photos_days=30) is None and photo_path(memory.photos, old).exists()
    await promotion.end_run(database, run, "failed", "")
    assert (await ages(photos_days=30)).photos == 1 and not photo_path(memory.photos, old).exists()
