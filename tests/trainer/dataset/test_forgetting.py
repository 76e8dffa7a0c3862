"""A forgotten user's rows are removed from datasets: a new hash before training, marked rows after it."""

from storage.learning import datasets
from storage.learning.dataset_files import read_dataset
from storage.maintenance.forget_person import forget_user
from storage.media.photos import photo_path
from trainer.dataset.check import check_dataset

ALL_TRAIN = {"holdout_share": 1e-9}


async def forgotten(memory, person):
    return await forget_user(memory.database, person, memory.photos, memory.folder)


async def test_a_dataset_not_trained_on_is_written_anew_under_its_new_hash(memory):
    photo = await memory.photo(person=2)
    goes, stays = await memory.rated("33", photo=photo, person=2, text="gone with its person"), await memory.rated("33")
    await memory.rated("11")
    exported = await memory.exporter(**ALL_TRAIN).export()
    assert exported.manifest["counts"]["train"] == 2
    await forgotten(memory, 2)
    assert not exported.directory.exists() and not photo_path(memory.photos, photo).exists()
    (known,) = await datasets.all_datasets(memory.database)
    contents = read_dataset(memory.folder / known.name)
    assert [row["id"] for row in contents.train] == [f"joke-{stays}"] and goes != stays
    assert check_dataset(memory.folder / known.name, memory.budget) == []
    everything = b"".join(path.read_bytes() for path in (memory.folder / known.name).rglob("*") if path.is_file())
    assert b"gone with its person" not in everything and photo.sha256.encode() not in everything
    (entry,) = contents.manifest["rows"]
    assert [rating["rater"] for rating in entry["ratings"]] == [0], (
        "the forgotten person's verdict is gone from others' rows"
    )


async def test_a_row_that_only_the_forgotten_person_liked_goes_too(memory):
    await memory.rated("-3")
    stays = await memory.rated("3-")
    await memory.rated("1")
    await memory.exporter(**ALL_TRAIN).export()
    await forgotten(memory, 2)
    (known,) = await datasets.all_datasets(memory.database)
    assert [row["id"] for row in read_dataset(memory.folder / known.name).train] == [f"joke-{stays}"]


async def test_a_dataset_of_one_person_alone_is_removed(memory):
    for verdict in "331":
        await memory.rated(verdict)
    exported = await memory.exporter(**ALL_TRAIN).export()
    await forgotten(memory, 1)
    assert not exported.directory.exists() and await datasets.all_datasets(memory.database) == []
    assert not list(memory.photos.rglob("*.jpg"))


async def test_a_trained_dataset_keeps_its_manifest_with_the_row_blanked(memory):
    photo = await memory.photo(person=2)
    goes, stays = await memory.rated("33", photo=photo, person=2, text="gone with its person"), await memory.rated("33")
    await memory.rated("11")
    exported = await memory.exporter(**ALL_TRAIN).export()
    await datasets.mark_dataset(memory.database, exported.directory.name, "trained")
    assert not await datasets.has_forgotten_rows(memory.database, exported.directory.name)
    await forgotten(memory, 2)
    contents = read_dataset(exported.directory)
    entries = {entry["id"]: entry for entry in contents.manifest["rows"]}
    assert entries[f"joke-{goes}"] == {"id": f"joke-{goes}", "part": "train", "forgotten": True}
    assert [row["id"] for row in contents.train] == [f"joke-{stays}"]
    everything = b"".join(path.read_bytes() for path in exported.directory.rglob("*") if path.is_file())
    assert b"gone with its person" not in everything and photo.sha256.encode() not in everything
    assert not (exported.directory / f"images/{photo.sha256}.jpg").exists()
    assert check_dataset(exported.directory, memory.budget) == []
    assert await datasets.has_forgotten_rows(memory.database, exported.directory.name)


async def test_replay_never_brings_a_forgotten_joke_back(memory):
    await memory.rated("-3", person=2)
    await memory.rated("3-")
    await memory.rated("11")
    exported = await memory.exporter(**ALL_TRAIN).export()
    await datasets.mark_dataset(memory.database, exported.directory.name, "learnt")
    await forgotten(memory, 2)
    new = await memory.rated("3")
    second = await memory.exporter(**ALL_TRAIN).export()
    assert (
        second.manifest["origins"] == {"new": 1, "replayed": 1, "imported": 0}
        and second.manifest["rows"][0]["joke"] == new
    )


async def test_two_forgotten_one_after_the_other(memory):
    for person in (2, 3):
        await memory.rated("333", person=person)
    stays = await memory.rated("333")
    await memory.rated("111")
    await memory.exporter(**ALL_TRAIN).export()
    await forgotten(memory, 2)
    await forgotten(memory, 3)
    (known,) = await datasets.all_datasets(memory.database)
    assert [row["id"] for row in read_dataset(memory.folder / known.name).train] == [
        f"joke-{stays}"
    ] and known.raters == 1
    assert check_dataset(memory.folder / known.name, memory.budget) == []
