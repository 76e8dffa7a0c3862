"""Erases forgotten users' data from files: photo files, datasets, cached picture features.

The remaining work is stored in the database (rows without their joke, raters or files without their row), so the next
export or `/forget` finishes work that was interrupted.
"""

import asyncio
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.database import Database
from storage.learning import dataset_files, datasets
from storage.learning.dataset_files import (
    COUNTED_WITH,
    OUTSIDE_HASH,
    PARTS,
    DamagedError,
    DatasetContents,
    Row,
    dataset_errors,
    digest,
    read_dataset,
    write_json,
)
from storage.learning.datasets import Dataset, RecordRow
from storage.media.photos import features_folder, photo_file

log = logging.getLogger(__name__)

Entry = dict[str, Any]


@dataclass(frozen=True)
class ErasedRows:
    """What must be removed from a dataset: rows by id, raters by number."""

    rows: frozenset[str]
    raters: frozenset[int]


async def finish_erasure(database: Database, photos: Path, folder: Path) -> int:
    """Finish all pending erasures and return the number of changed datasets.

    The caller must hold the lock of the datasets `folder`. Raises DatasetError if a file can't be changed; earlier
    changes stay.
    """
    dataset_files.remove_unfinished(folder)
    await datasets.unregister_missing(database, folder)
    await remove_abandoned_files(database, photos)
    changed = await clear_datasets(database, folder)
    # After the datasets' pictures were removed: a training run caches features only of an existing picture.
    await remove_abandoned_files(database, photos, settled=True)
    return changed


async def clear_datasets(database: Database, folder: Path) -> int:
    """Remove erased rows and raters from all datasets. Returns the number of changed datasets."""
    changed = 0
    for dataset in await datasets.all_datasets(database):
        try:
            lost = await erased_rows(database, dataset, folder / dataset.name)
            if lost.rows or lost.raters:
                changed += 1
                await (rewrite_dataset if dataset.state == "ready" else erase_rows)(database, folder, dataset, lost)
        except DamagedError as error:
            log.warning("a dataset with rows to erase is damaged, so all of it is removed: %s", error)
            await asyncio.to_thread(shutil.rmtree, folder / dataset.name, ignore_errors=True)
            await (
                mark_replaced(database, dataset, None)
                if dataset.state == "ready"
                else mark_rows_erased(database, dataset)
            )
    for row in await database.rows("SELECT name FROM datasets WHERE state = 'replaced'"):
        await asyncio.to_thread(shutil.rmtree, folder / row["name"], ignore_errors=True)
    return changed


async def remove_abandoned_files(database: Database, photos: Path, *, settled: bool = False) -> None:
    """Remove photo files without a row. A photo that was sent again keeps its file.

    With `settled`, which requires that no dataset contains them, also remove their cached features and the list of
    files.
    """
    async with database.write() as connection:
        await connection.execute("DELETE FROM abandoned_files WHERE sha256 IN (SELECT sha256 FROM photos)")
        async with connection.execute("SELECT sha256 FROM abandoned_files") as cursor:
            abandoned = [row["sha256"] for row in await cursor.fetchall()]
        with dataset_errors("The photo of a forgotten user can't be removed"):
            await asyncio.to_thread(remove_files, [photo_file(photos, sha256) for sha256 in abandoned])
            if settled and abandoned:
                await asyncio.to_thread(remove_features, features_folder(photos), set(abandoned))
        if settled:
            await connection.execute("DELETE FROM abandoned_files")


def remove_files(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def remove_features(folder: Path, abandoned: set[str]) -> None:
    """Remove the cached features of these photos for all vision models, including partly written files."""
    remove_files([path for path in folder.glob("*/*") if path.name.split("-")[0] in abandoned])


async def erased_rows(database: Database, dataset: Dataset, directory: Path) -> ErasedRows:
    """Rows and raters in a dataset's files that were erased from the database."""
    rows = await database.rows(
        "SELECT row_id FROM dataset_rows WHERE dataset_id = ? AND joke_id IS NULL AND NOT forgotten", (dataset.id,)
    )
    known = {
        row["rater"]
        for row in await database.rows("SELECT rater FROM dataset_raters WHERE dataset_id = ?", (dataset.id,))
    }
    named = await asyncio.to_thread(manifest_raters, directory) if len(known) < dataset.raters else set()
    return ErasedRows(frozenset(row["row_id"] for row in rows), frozenset(named - known))


def manifest_raters(directory: Path) -> set[int]:
    """The rater numbers in a dataset's manifest; empty if its directory was removed."""
    if not directory.is_dir():
        return set()
    return {
        rating["rater"] for entry in read_dataset(directory).manifest["rows"] for rating in entry.get("ratings", ())
    }


def without_erased(entry: Entry, lost: ErasedRows) -> Entry | None:
    """A manifest entry without erased raters; None if the row itself is erased."""
    if entry["id"] in lost.rows:
        return None
    if not entry.get("ratings"):
        return entry
    ratings = [rating for rating in entry["ratings"] if rating["rater"] not in lost.raters]
    decided_by = [rater for rater in entry["decided_by"] if rater not in lost.raters]
    return {**entry, "ratings": ratings, "decided_by": decided_by}


def is_still_valid(entry: Entry, old: Entry) -> bool:
    """Whether a row is valid without the erased raters: it has other ratings, and no erased rater was pivotal."""
    return not old.get("ratings") or (bool(entry["ratings"]) and entry["decided_by"] == old["decided_by"])


async def rewrite_dataset(database: Database, folder: Path, dataset: Dataset, lost: ErasedRows) -> None:
    """Replace an untrained dataset by one without the erased rows, or by none if no training row remains."""
    directory = folder / dataset.name
    contents = await asyncio.to_thread(read_dataset, directory)
    entries = {}
    for old in contents.manifest["rows"]:
        entry = without_erased(old, lost)
        if entry and is_still_valid(entry, old):
            entries[entry["id"]] = entry
    new_name = None
    if any(entry["part"] == "train" for entry in entries.values()):
        new_name = await write_remaining_rows(database, folder, dataset, contents, entries)
    await mark_replaced(database, dataset, new_name)
    await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


async def mark_replaced(database: Database, dataset: Dataset, new_name: str | None) -> None:
    """Record that a dataset was replaced by another one, or by none."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE datasets SET state = 'replaced', replaced_by = ? WHERE id = ?", (new_name, dataset.id)
        )
        for table in ("dataset_rows", "dataset_raters", "aged_people"):
            await connection.execute(f"DELETE FROM {table} WHERE dataset_id = ?", (dataset.id,))


async def write_remaining_rows(
    database: Database, folder: Path, dataset: Dataset, contents: DatasetContents, entries: dict[str, Entry]
) -> str:
    """Write and register a dataset of the remaining rows; returns its name."""
    train, holdout = ([row for row in rows if row["id"] in entries] for rows in (contents.train, contents.holdout))
    origins = [entry["origin"] for entry in entries.values() if entry["part"] == "train"]
    manifest = {
        **{key: value for key, value in contents.manifest.items() if key not in OUTSIDE_HASH},
        "counts": {"train": len(train), "holdout": len(holdout)},
        "origins": {origin: origins.count(origin) for origin in contents.manifest["origins"]},
        "rows": list(entries.values()),
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        COUNTED_WITH: contents.manifest.get(COUNTED_WITH, ""),
    }
    left = DatasetContents(train, holdout, manifest)
    pictures = {row["image"]: folder / dataset.name / row["image"] for row in left.rows()}
    prepared = await asyncio.to_thread(dataset_files.prepare_dataset, folder, left, pictures)
    try:
        named = {rating["rater"] for entry in entries.values() for rating in entry.get("ratings", ())}
        raters = await database.rows("SELECT rater, person_id FROM dataset_raters WHERE dataset_id = ?", (dataset.id,))
        records = [
            RecordRow(entry["id"], entry["part"], entry["joke"]) for entry in entries.values() if "joke" in entry
        ]
        await datasets.register_dataset(
            database,
            prepared.name,
            dataset.source,
            records,
            {row["rater"]: row["person_id"] for row in raters if row["rater"] in named},
        )
        prepared.publish()
    except BaseException:
        prepared.discard()
        raise
    return prepared.name


async def erase_rows(database: Database, folder: Path, dataset: Dataset, lost: ErasedRows) -> None:
    """Remove the erased rows from a dataset that was trained on; its manifest marks them as `forgotten`."""
    directory = folder / dataset.name
    if directory.is_dir():
        with dataset_errors(f"The dataset {dataset.name[:12]} can't be changed"):
            await asyncio.to_thread(erase_rows_from_files, directory, lost)
    await mark_rows_erased(database, dataset)


async def mark_rows_erased(database: Database, dataset: Dataset) -> None:
    """Record that the erased rows and raters are removed from a dataset's files."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE dataset_rows SET forgotten = 1 WHERE dataset_id = ? AND joke_id IS NULL", (dataset.id,)
        )
        await connection.execute(
            "UPDATE datasets SET raters = (SELECT count(*) FROM dataset_raters WHERE dataset_id = datasets.id) "
            "WHERE id = ?",
            (dataset.id,),
        )


def erase_rows_from_files(directory: Path, lost: ErasedRows) -> None:
    """Change rows, then pictures, then the manifest. A repeated call completes an interrupted one."""
    contents = read_dataset(directory)
    retained: list[Row] = []
    for part, rows in zip(PARTS, (contents.train, contents.holdout), strict=True):
        left = [row for row in rows if row["id"] not in lost.rows]
        write_json(directory / f"{part}.json", left)
        retained += left
    named = {row["image"] for row in retained}
    for picture in (directory / dataset_files.IMAGES).iterdir():
        if f"{dataset_files.IMAGES}/{picture.name}" not in named:
            picture.unlink()
    manifest = contents.manifest
    manifest["rows"] = [
        without_erased(entry, lost) or {"id": entry["id"], "part": entry["part"], "forgotten": True}
        for entry in manifest["rows"]
    ]
    manifest["forgotten"] = sum(entry.get("forgotten", False) for entry in manifest["rows"])
    manifest["content_now"] = digest(
        {key: value for key, value in manifest.items() if key not in (*OUTSIDE_HASH, "content_now")}
    )
    write_json(directory / "manifest.json", manifest)
