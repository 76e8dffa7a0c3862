"""Records of datasets: their jokes, raters and state.

A dataset is `ready` until a run trains on it (`trained`). It is `learnt` once that run's model is in service; its jokes
are then old for the next export. It is `replaced` if it was rewritten or deleted because a user was forgotten.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from storage.database import Database
from storage.learning.dataset_files import DatasetError

FORGOTTEN_ROW = "part = 'train' AND joke_id IS NULL AND NOT aged"
"""Condition on dataset_rows: a training row whose joke was erased with a forgotten user (not by age)."""


class DatasetOutdated(DatasetError):
    """A joke or rating of the dataset was deleted during the export: export again."""


@dataclass(frozen=True)
class Dataset:
    """A dataset's record; `raters` is the number of raters that its manifest names."""

    id: int
    name: str
    source: str
    state: str
    raters: int
    replaced_by: str | None
    created_at: float


@dataclass(frozen=True)
class RecordRow:
    """The record of a row made from a joke; imported rows are not recorded."""

    row_id: str
    part: str
    joke_id: int


async def register_dataset(
    database: Database,
    name: str,
    source: str,
    rows: Sequence[RecordRow],
    raters: dict[int, int] | None = None,
    ratings: Iterable[tuple[int, int]] = (),
    votes: Iterable[tuple[int, int]] = (),
) -> None:
    """Record a dataset before it is published. A repeated call with its name changes nothing.

    `raters` maps the manifest's rater numbers to users, `ratings` are the (joke, user) pairs of the dataset, `votes`
    those of voters who could choose the joke on a ballot. Raises DatasetOutdated if one of them, or a joke, no longer
    exists: a user was forgotten during the export.
    """
    raters = raters or {}
    async with database.write() as connection:
        async with connection.execute("SELECT state FROM datasets WHERE name = ?", (name,)) as cursor:
            known = await cursor.fetchone()
        if known and known["state"] != "replaced":
            return
        jokes = [row.joke_id for row in rows]
        for sql, wanted in ((GONE_JOKES, jokes), (GONE_RATINGS, list(ratings)), (GONE_VOTERS, list(votes))):
            await _require_present(connection, sql, json.dumps(wanted))
        await connection.execute("DELETE FROM datasets WHERE name = ?", (name,))
        async with connection.execute(
            "INSERT INTO datasets (name, source, raters, created_at) VALUES (?, ?, ?, ?) RETURNING id",
            (name, source, len(raters), time.time()),
        ) as cursor:
            ((dataset_id,),) = await cursor.fetchall()
        await connection.executemany(
            "INSERT INTO dataset_rows (dataset_id, row_id, part, joke_id) VALUES (?, ?, ?, ?)",
            [(dataset_id, row.row_id, row.part, row.joke_id) for row in rows],
        )
        await connection.executemany(
            "INSERT INTO dataset_raters VALUES (?, ?, ?)",
            [(dataset_id, rater, person) for rater, person in raters.items()],
        )


async def _require_present(connection: aiosqlite.Connection, sql: str, wanted: str) -> None:
    async with connection.execute(sql, (wanted,)) as cursor:
        ((gone,),) = await cursor.fetchall()
    if gone:
        raise DatasetOutdated("Data of this dataset was deleted during the export; export again.")


GONE_JOKES = (
    "SELECT count(*) FROM json_each(?) AS wanted WHERE NOT EXISTS (SELECT 1 FROM jokes WHERE id = wanted.value)"
)
GONE_RATINGS = """SELECT count(*) FROM json_each(?) AS wanted WHERE NOT EXISTS (
    SELECT 1 FROM ratings WHERE joke_id = json_extract(wanted.value, '$[0]')
    AND person_id = json_extract(wanted.value, '$[1]'))"""
GONE_VOTERS = """SELECT count(*) FROM json_each(?) AS wanted WHERE NOT EXISTS (
    SELECT 1 FROM round_votes JOIN round_entries USING (round_id)
    WHERE round_entries.joke_id = json_extract(wanted.value, '$[0]')
    AND round_votes.person_id = json_extract(wanted.value, '$[1]'))"""


async def unregister_dataset(database: Database, name: str) -> None:
    """Delete the record of a dataset that was not written."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM datasets WHERE name = ? AND state = 'ready'", (name,))


async def get_dataset(database: Database, name: str) -> Dataset:
    """The dataset whose name begins with `name`. Raises DatasetError for no match or several."""
    rows = list(
        await database.rows(
            "SELECT * FROM datasets WHERE substr(name, 1, length(?)) = ? AND state != 'replaced' LIMIT 2", (name, name)
        )
    )
    if len(rows) != 1:
        raise DatasetError(
            f"{'Several datasets begin' if rows else 'No dataset begins'} with {name!r}; `jokebot dataset show` "
            "lists them."
        )
    return Dataset(**dict(rows[0]))


async def get_directory(database: Database, folder: Path, named: str) -> Path:
    """The directory of a dataset given by path or by the beginning of its name. Raises DatasetError."""
    if await asyncio.to_thread(Path(named).is_dir):
        return Path(named)
    return folder / (await get_dataset(database, named)).name


async def all_datasets(database: Database) -> list[Dataset]:
    """All datasets that are not replaced, oldest first."""
    return [
        Dataset(**dict(row))
        for row in await database.rows("SELECT * FROM datasets WHERE state != 'replaced' ORDER BY id")
    ]


async def mark_dataset(database: Database, name: str, state: str) -> None:
    """Set a dataset's state: `trained` when a run begins to train on it, `learnt` when its model enters service.

    Raises DatasetError if the dataset doesn't exist.
    """
    if state not in ("trained", "learnt"):
        raise ValueError(f"a dataset's state is set to trained or learnt, not {state!r}")
    async with database.write() as connection:
        cursor = await connection.execute(
            "UPDATE datasets SET state = CASE state WHEN 'learnt' THEN 'learnt' ELSE ? END WHERE name = ? AND state "
            "!= 'replaced'",
            (state, name),
        )
        if cursor.rowcount == 0:
            raise DatasetError(
                f"The dataset {name[:12]} was deleted because a user with data in it was forgotten. Export again."
            )


async def list_learnt_jokes(database: Database) -> set[int]:
    """Ids of jokes that the champion was trained on."""
    rows = await database.rows(
        "SELECT DISTINCT joke_id FROM dataset_rows JOIN datasets ON datasets.id = dataset_id "
        "WHERE state = 'learnt' AND part = 'train' AND joke_id IS NOT NULL"
    )
    return {row["joke_id"] for row in rows}


async def has_forgotten_rows(database: Database, name: str) -> bool:
    """Whether a dataset had training rows of a user who was forgotten since."""
    return bool(
        await database.value(
            "SELECT 1 FROM dataset_rows JOIN datasets ON datasets.id = dataset_id "
            f"WHERE name = ? AND {FORGOTTEN_ROW} LIMIT 1",
            (name,),
        )
    )


async def unregister_missing(database: Database, folder: Path) -> None:
    """Delete records of ready datasets without a directory (a killed export). The caller must hold the lock."""
    for dataset in await all_datasets(database):
        if dataset.state == "ready" and not (folder / dataset.name).is_dir():
            await unregister_dataset(database, dataset.name)


async def list_trained_jokes(database: Database) -> set[int]:
    """Ids of jokes in the training part of any dataset, whatever its state."""
    rows = await database.rows("SELECT DISTINCT joke_id FROM dataset_rows WHERE part = 'train' AND joke_id IS NOT NULL")
    return {row["joke_id"] for row in rows}
