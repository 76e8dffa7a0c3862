"""The registry of models: base, candidate, canary, champion, retired, rejected.

`storage/learning/promotion.py` changes who is in service; this module registers models and reads the registry.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import aiosqlite

from configs.errors import JokebotError
from storage.database import Database


class RegistryError(JokebotError):
    """The registry refuses; the message says why and what to do."""


@dataclass(frozen=True)
class Model:
    """A version in the registry.

    A base has no `base_id`; `directory` is None where only the engine's host has the files.

    `parent_id` is the champion at its creation, whose training jokes it repeats; `start_id` is the model whose weights
    it was trained from; `predecessor_id` is the champion that it replaced, where it ever served. `dataset` is a
    dataset's name.
    """

    id: int
    name: str
    status: str
    parent_id: int | None
    base_id: int | None
    directory: str | None
    digest: str | None
    measures: str
    created_at: float
    start_id: int | None = None
    predecessor_id: int | None = None
    dataset: str | None = None
    run_id: int | None = None
    code: str | None = None
    reason: str = ""
    removed_at: float | None = None

    @property
    def measured(self) -> dict[str, Any]:
        """Its measures, from JSON."""
        return json.loads(self.measures)

    @property
    def is_base(self) -> bool:
        return self.base_id is None


@dataclass(frozen=True)
class NewModel:
    """What a run's result is registered with; see Model."""

    name: str
    parent_id: int
    base_id: int
    start_id: int
    dataset: str
    run_id: int
    directory: str
    digest: str
    measures: str


async def register_base(
    database: Database, name: str, directory: str | None, digest: str | None = None, code: str | None = None
) -> Model:
    """Register a base by name, or return the one that is there; it becomes champion where there is none.

    A base that was known without its files gets them: `directory`, `digest` and `code` (the code that an admin agreed
    to, JSON).
    """
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO models (name, status, directory, digest, code, created_at) SELECT ?, "
            "CASE WHEN EXISTS (SELECT 1 FROM models WHERE status = 'champion') THEN 'base' ELSE 'champion' END, ?, "
            "?, ?, ? "
            "WHERE true ON CONFLICT (name) DO UPDATE SET directory = excluded.directory, digest = "
            "coalesce(excluded.digest, digest), "
            "code = coalesce(excluded.code, code) WHERE base_id IS NULL AND directory IS NULL",
            (name, directory, digest, code, time.time()),
        )
        return await select_model(connection, "name = ?", (name,))


async def record_code_consent(
    database: Database, model_id: int, code: str, digest: str | None = None, *, anew: bool = False
) -> None:
    """Record the code (JSON) that a base may run: where none is recorded yet, or `anew` where an admin was asked."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE models SET code = ?, digest = coalesce(?, digest) WHERE id = ? AND base_id IS NULL AND (code IS "
            "NULL OR ?)",
            (code, digest, model_id, anew),
        )


async def get_champion(database: Database) -> Model | None:
    """The model in service, or None before a base is registered."""
    row = await database.row("SELECT * FROM models WHERE status = 'champion'")
    return Model(**dict(row)) if row else None


async def get_model(database: Database, named: int | str) -> Model:
    """The model of this number or name. Raises RegistryError where there is none."""
    text = str(named)
    row = await database.row(
        "SELECT * FROM models WHERE id = ? OR name = ? ORDER BY id = ? DESC",
        (int(text) if text.isdecimal() and len(text) < 19 else -1, text, named if isinstance(named, int) else -1),
    )
    if row is None:
        raise RegistryError(f"There is no model {named}; `jokebot models` lists them.")
    return Model(**dict(row))


async def all_models(database: Database) -> list[Model]:
    """All models, oldest first."""
    return [Model(**dict(row)) for row in await database.rows("SELECT * FROM models ORDER BY id")]


async def add_candidate(connection: aiosqlite.Connection, new: NewModel) -> Model:
    """Register a run's result within a transaction; its code is its base's."""
    async with connection.execute(
        "INSERT INTO models (name, status, parent_id, base_id, start_id, dataset, run_id, directory, digest, "
        "measures, created_at, code) "
        "VALUES (?, 'candidate', ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT code FROM models WHERE id = ?)) RETURNING *",
        (
            new.name,
            new.parent_id,
            new.base_id,
            new.start_id,
            new.dataset,
            new.run_id,
            new.directory,
            new.digest,
            new.measures,
            time.time(),
            new.base_id,
        ),
    ) as cursor:
        return Model(**dict(await cursor.fetchone()))


async def select_model(connection: aiosqlite.Connection, where: str, parameters: tuple[Any, ...] = ()) -> Model | None:
    """The model of a condition as the transaction sees it."""
    async with connection.execute(f"SELECT * FROM models WHERE {where}", parameters) as cursor:
        row = await cursor.fetchone()
    return Model(**dict(row)) if row else None


async def set_status(connection: aiosqlite.Connection, model_id: int, status: str, reason: str) -> None:
    """Within a transaction; the rules are the caller's."""
    await connection.execute("UPDATE models SET status = ?, reason = ? WHERE id = ?", (status, reason, model_id))


async def retire_model(database: Database, model_id: int, status: str = "retired", reason: str = "") -> Model:
    """Put a model aside as `retired` or `rejected`. Raises RegistryError for the champion and for a base."""
    async with database.write() as connection:
        model = await select_model(connection, "id = ?", (model_id,))
        if model is None or model.status == "champion" or model.is_base:
            raise RegistryError(
                f"Model {model_id} can't be put aside: it is "
                f"{'not there' if model is None else 'in service or a base'}."
            )
        await set_status(connection, model_id, status, reason)
        return await select_model(connection, "id = ?", (model_id,))


async def mark_files_removed(database: Database, model_id: int) -> None:
    """Record that a model's files are gone, before they go.

    Raises RegistryError for the champion, a canary and a base.
    """
    async with database.write() as connection:
        cursor = await connection.execute(
            "UPDATE models SET removed_at = ? WHERE id = ? AND base_id IS NOT NULL "
            "AND status NOT IN ('champion', 'canary')",
            (time.time(), model_id),
        )
        if cursor.rowcount == 0:
            raise RegistryError(f"The files of model {model_id} stay: it is in service, on trial or a base.")


async def record_files(database: Database, model_id: int, directory: str | None) -> None:
    """Record where a model's files are after a restore; None: nowhere."""
    async with database.write() as connection:
        if directory:
            await connection.execute("UPDATE models SET directory = ? WHERE id = ?", (directory, model_id))
        else:
            await connection.execute("UPDATE models SET removed_at = ? WHERE id = ?", (time.time(), model_id))
