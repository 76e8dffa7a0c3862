"""A forgotten user's data is erased from the tables, the photo store and the datasets."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest

from storage.chat.ratings import record_rating
from storage.database import MIGRATIONS
from storage.learning import dataset_files, datasets, runs
from storage.learning.dataset_files import read_dataset
from storage.learning.datasets import DatasetOutdated, RecordRow
from storage.maintenance.erasure import finish_erasure
from storage.maintenance.forget_person import USER_TABLES, ErasureResult, forget_rows
from storage.media.photos import features_folder, photo_path

ALICE, BOB = 7, 8
KEPT = {
    "photos": "go with their last sender",
    "deliveries": "go with their jokes",
    "run_messages": "go with a private chat",
    "run_news": "go with a private chat",
    "chats": "go with a private chat",
    "chat_jokes": "go with a private chat",
    "weekly_posts": "go with a private chat",
    "former_chats": "names groups alone",
    "alert_news": "go with a private chat",
    "progress_news": "go with a private chat",
    "access": "a deletion is no way around an admin's decision, which stays by its number alone",
    "bans": "a deletion is no way around a ban, which stays by its number alone",
}


async def count(database, table):
    return await database.value(f"SELECT count(*) FROM {table}")


async def test_ratings_jokes_and_photos_go(database, memory):
    photo = await memory.photo(ALICE)
    mine, others = await memory.joke(photo, ALICE), await memory.photo(BOB, 330)
    theirs = await memory.joke(others, BOB)
    for joke in (mine, theirs):
        for person in (ALICE, BOB):
            await record_rating(database, joke, person, 3)
    assert await memory.forget(ALICE) == ErasureResult(photos=1, jokes=1, ratings=3)
    assert not photo_path(memory.photos, photo).exists() and photo_path(memory.photos, others).exists()
    assert [
        await count(database, table) for table in ("photos", "jokes", "ratings", "deliveries", "photo_senders")
    ] == [1, 1, 1, 1, 1]
    assert await count(database, "ratings WHERE person_id = 7") == 0


async def test_what_training_kept_of_a_photo_goes_too(database, memory):
    mine, others = await memory.photo(ALICE), await memory.photo(BOB, 330)
    joke = await memory.joke(mine, ALICE)
    await record_rating(database, joke, BOB, 3)
    await memory.dataset({joke: mine}, [(joke, BOB)])
    for model in ("one", "other"):
        (features_folder(memory.photos) / model).mkdir(parents=True)
        for name in (f"{mine.sha256}-3.bf16", f"{mine.sha256}-1.bf16.77.part", f"{others.sha256}-3.bf16"):
            (features_folder(memory.photos) / model / name).write_bytes(b"seen")
    await memory.forget(ALICE)
    left = [path.name for path in features_folder(memory.photos).rglob("*") if path.is_file()]
    assert left == [f"{others.sha256}-3.bf16"] * 2


async def test_while_a_dataset_cannot_be_cleared_kept_features_wait_with_it(database, memory):
    """A run that reads the dataset may still write them."""
    photo = await memory.photo(ALICE)
    kept = features_folder(memory.photos) / "model" / f"{photo.sha256}-3.bf16"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"seen")
    async with dataset_files.lock(memory.datasets, wait_s=1):
        assert (await memory.forget(ALICE, wait_s=0.1)).pending and kept.exists()
    await finish_erasure(database, memory.photos, memory.datasets)
    assert not kept.exists() and await count(database, "abandoned_files") == 0


async def test_what_models_said_about_a_photo_in_the_gate_goes_with_it(database, memory):
    mine, others = await memory.photo(ALICE), await memory.photo(BOB, 330)
    verdict = {
        "answer": "reject",
        "gallery": [
            {"photo": f"images/{photo.sha256}.jpg", "champion": "Ha", "candidate": "Ho"} for photo in (mine, others)
        ],
    }
    run = await runs.create_run(database, "command")
    async with database.write() as connection:
        await connection.execute("UPDATE runs SET verdict = ?", (json.dumps(verdict),))
    await memory.forget(ALICE)
    assert (await runs.get_run(database, run.id)).judged == {**verdict, "gallery": verdict["gallery"][1:]}


async def test_a_photo_that_another_has_sent_too_stays_without_the_jokes_for_the_forgotten(database, memory):
    photo = await memory.photo(ALICE)
    assert (await memory.photo(BOB)).id == photo.id
    await memory.joke(photo, ALICE)
    theirs = await memory.joke(photo, BOB)
    await memory.forget(ALICE)
    assert photo_path(memory.photos, photo).exists()
    assert [row["id"] for row in await database.rows("SELECT id FROM jokes")] == [theirs]
    await memory.forget(BOB)
    assert not photo_path(memory.photos, photo).exists()


async def test_jokes_about_a_photo_go_with_it_whoever_asked(database, memory):
    photo = await memory.photo(ALICE)
    await memory.joke(photo, BOB)
    await memory.forget(ALICE)
    assert await count(database, "jokes") == 0


async def test_forgetting_twice_or_a_stranger_is_no_trouble(memory):
    await memory.photo(ALICE)
    await memory.forget(ALICE)
    assert await memory.forget(ALICE) == ErasureResult(0, 0, 0) == await memory.forget(12345)


async def test_a_photo_sent_again_meanwhile_keeps_its_file(database, memory):
    photo = await memory.photo(ALICE)
    await forget_rows(database, ALICE)
    again = await memory.photo(BOB)
    await finish_erasure(database, memory.photos, memory.datasets)
    assert photo_path(memory.photos, again).exists() and again.sha256 == photo.sha256
    assert await count(database, "abandoned_files") == 0


async def test_an_untrained_dataset_is_written_anew(database, memory):
    photos = {
        await memory.joke(photo, person): photo
        for person in (ALICE, BOB)
        for photo in [await memory.photo(person, 300 + person)]
    }
    mine, theirs = photos
    for joke in photos:
        await record_rating(database, joke, BOB, 3)
    await record_rating(database, theirs, ALICE, 3)
    old = await memory.dataset(photos, [(mine, BOB), (theirs, BOB), (theirs, ALICE)])
    await memory.forget(ALICE)
    (new,) = await datasets.all_datasets(database)
    contents = read_dataset(memory.datasets / new.name)
    assert not old.exists() and new.name != old.name and new.raters == 1
    assert [row["id"] for row in contents.train] == [f"joke-{theirs}"] and contents.manifest["counts"] == {
        "train": 1,
        "holdout": 0,
    }
    assert [path.name for path in (memory.datasets / new.name / "images").iterdir()] == [f"{photos[theirs].sha256}.jpg"]
    assert [rating["rater"] for rating in contents.manifest["rows"][0]["ratings"]] == [1]


async def test_work_cut_off_after_the_database_is_done_by_the_next(database, memory):
    photo = await memory.photo(ALICE)
    joke = await memory.joke(photo, ALICE)
    await record_rating(database, joke, BOB, 3)
    old = await memory.dataset({joke: photo}, [(joke, BOB)])
    await forget_rows(database, ALICE)
    assert old.is_dir() and photo_path(memory.photos, photo).exists()
    await finish_erasure(database, memory.photos, memory.datasets)
    assert not old.exists() and not photo_path(memory.photos, photo).exists()
    assert await datasets.all_datasets(database) == []


@pytest.mark.parametrize("state", ["ready", "trained"])
async def test_a_damaged_dataset_that_should_forget_somebody_is_removed_whole(database, memory, state):
    photo = await memory.photo(BOB)
    joke = await memory.joke(photo, BOB)
    for person in (ALICE, BOB):
        await record_rating(database, joke, person, 3)
    directory = await memory.dataset({joke: photo}, [(joke, ALICE), (joke, BOB)])
    if state == "trained":
        await datasets.mark_dataset(database, directory.name, state)
    (directory / "manifest.json").write_text('{"rows": [')
    assert not (await memory.forget(ALICE)).pending
    assert not directory.exists()
    assert [dataset.state for dataset in await datasets.all_datasets(database)] == (
        [] if state == "ready" else ["trained"]
    )


async def test_while_an_export_runs_the_files_are_left_to_it(database, memory):
    photo = await memory.photo(ALICE)
    async with dataset_files.lock(memory.datasets):
        forgotten = await memory.forget(ALICE, wait_s=0.2)
    assert forgotten.pending and await count(database, "photos") == 0 and photo_path(memory.photos, photo).exists()
    assert not (await memory.forget(BOB)).pending and not photo_path(memory.photos, photo).exists()


async def test_a_dataset_is_not_recorded_once_a_joke_or_rating_of_it_is_gone(database, memory):
    photo = await memory.photo(BOB)
    joke = await memory.joke(photo, BOB)
    await record_rating(database, joke, ALICE, 3)
    await forget_rows(database, ALICE)
    with pytest.raises(DatasetOutdated):
        await datasets.register_dataset(
            database, "x" * 64, "ratings", [RecordRow("a", "train", joke)], {0: ALICE}, [(joke, ALICE)]
        )
    await forget_rows(database, BOB)
    with pytest.raises(DatasetOutdated):
        await datasets.register_dataset(database, "x" * 64, "ratings", [RecordRow("a", "train", joke)])
    assert await count(database, "datasets") == 0


async def test_people_can_be_forgotten_at_the_same_time(database, memory):
    for person in range(20, 30):
        await memory.joke(await memory.photo(person, 300 + person), person)
    await asyncio.gather(*(memory.forget(person) for person in range(20, 30)))
    assert [await count(database, table) for table in ("photos", "jokes", "photo_senders", "abandoned_files")] == [
        0,
        0,
        0,
        0,
    ]


def test_every_table_that_names_a_person_is_forgotten():
    """A new table with a person_id must be listed here or in USER_TABLES."""
    script = "\n".join(file.read_text() for file in sorted(MIGRATIONS.glob("*.sql")))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(script)
        naming = {
            table
            for (table,) in connection.execute(
                "SELECT tables.name FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns "
                "WHERE tables.type = 'table' AND columns.name IN ('person_id', 'chat_id')"
            )
        }
    assert naming <= {*USER_TABLES, *KEPT}
