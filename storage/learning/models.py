"""The registry of models: base, candidate, canary, champion, retired, rejected.

This module registers and reads models; `storage/learning/promotion.py` changes which model is in service.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import aiosqlite

from configs.errors import JokebotError
from storage.database import Database


class RegistryError(JokebotError):
    """A change of the registry is refused; the message has the cause and the remedy."""


@dataclass(frozen=True)
class Model:
    """A version in the registry.

    A base has no `base_id`. `directory` is None if only the engine's host has the files.

    `parent_id` is the champion at its creation, whose training jokes are replayed. `start_id` is the model whose
    weights the training started from. `predecessor_id` is the champion that it replaced, if it ever served. `dataset`
    is a dataset's name. `template` is the chat template that it was trained with, `content` what its files are
    recognised by (`storage/checkpoint`); both are None as long as no files are known.
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
    template: str | None = None
    content: str | None = None

    @property
    def measured(self) -> dict[str, Any]:
        """The measures, decoded from JSON."""
        return json.loads(self.measures)

    @property
    def is_base(self) -> bool:
        return self.base_id is None


@dataclass(frozen=True)
class NewModel:
    """The fields of a new candidate; see Model. `run_id` is None if it was trained outside a run."""

    name: str
    parent_id: int
    base_id: int
    start_id: int
    dataset: str
    run_id: int | None
    directory: str
    digest: str
    measures: str
    template: str | None = None
    content: str | None = None


async def register_base(
    database: Database,
    name: str,
    directory: str | None,
    digest: str | None = None,
    code: str | None = None,
    template: str | None = None,
    content: str | None = None,
) -> Model:
    """Register a base, or return the one with this name. It becomes champion if there is none.

    A base registered without files gets all that is given here; `code` is the code that an admin agreed to (JSON).
    """
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO models (name, status, directory, digest, code, template, content, created_at) SELECT ?, "
            "CASE WHEN EXISTS (SELECT 1 FROM models WHERE status = 'champion') THEN 'base' ELSE 'champion' END, ?, "
            "?, ?, ?, ?, ? "
            "WHERE true ON CONFLICT (name) DO UPDATE SET directory = excluded.directory, digest = "
            "coalesce(excluded.digest, digest), code = coalesce(excluded.code, code), "
            "template = coalesce(excluded.template, template), content = coalesce(excluded.content, content) "
            "WHERE base_id IS NULL AND directory IS NULL",
            (name, directory, digest, code, template, content, time.time()),
        )
        return await select_existing_model(connection, "name = ?", (name,))


async def record_code_consent(
    database: Database, model_id: int, code: str, digest: str | None = None, *, anew: bool = False
) -> None:
    """Record the code (JSON) that a base may run, if none is recorded; `anew` replaces it after an admin agreed."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE models SET code = ?, digest = coalesce(?, digest) WHERE id = ? AND base_id IS NULL AND (code IS "
            "NULL OR ?)",
            (code, digest, model_id, anew),
        )


async def record_found(database: Database, model: Model) -> None:
    """Record a model's directory, template and content as they were found."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE models SET directory = ?, template = ?, content = ? WHERE id = ?",
            (model.directory, model.template, model.content, model.id),
        )


async def replace_code(database: Database, model: Model, code: str) -> None:
    """Replace the recorded code (JSON) of a model, unless it was changed since `model` was read."""
    async with database.write() as connection:
        await connection.execute("UPDATE models SET code = ? WHERE id = ? AND code = ?", (code, model.id, model.code))


async def get_champion(database: Database) -> Model | None:
    """The champion, or None before a base is registered."""
    row = await database.row("SELECT * FROM models WHERE status = 'champion'")
    return Model(**dict(row)) if row else None


async def get_model(database: Database, named: int | str) -> Model:
    """The model with this id or name. Raises RegistryError if there is none."""
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
    """Register a candidate within a transaction. Its code is that of its base."""
    async with connection.execute(
        "INSERT INTO models (name, status, parent_id, base_id, start_id, dataset, run_id, directory, digest, "
        "measures, created_at, template, content, code) "
        "VALUES (?, 'candidate', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT code FROM models WHERE id = ?)) RETURNING *",
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
            new.template,
            new.content,
            new.base_id,
        ),
    ) as cursor:
        (row,) = await cursor.fetchall()
    return Model(**dict(row))


async def register_candidate(database: Database, new: NewModel) -> Model:
    """Register a model that was trained outside a run, or return the one with this name and directory.

    Raises RegistryError if another model has the name.
    """
    async with database.write() as connection:
        known = await select_model(connection, "name = ?", (new.name,))
        if known is None:
            return await add_candidate(connection, new)
    if known.directory != new.directory:
        raise RegistryError(f"There is another model of the name {new.name!r} already, in {known.directory}.")
    return known


async def select_model(connection: aiosqlite.Connection, where: str, parameters: tuple[Any, ...] = ()) -> Model | None:
    """The model that meets a condition, read within a transaction, or None."""
    async with connection.execute(f"SELECT * FROM models WHERE {where}", parameters) as cursor:
        row = await cursor.fetchone()
    return Model(**dict(row)) if row else None


async def select_existing_model(
    connection: aiosqlite.Connection, where: str, parameters: tuple[Any, ...] = ()
) -> Model:
    """The model that meets a condition, read within a transaction. The caller knows that there is one."""
    async with connection.execute(f"SELECT * FROM models WHERE {where}", parameters) as cursor:
        (row,) = await cursor.fetchall()
    return Model(**dict(row))


async def set_status(connection: aiosqlite.Connection, model_id: int, status: str, reason: str) -> None:
    """Set a model's status within a transaction, without checks."""
    await connection.execute("UPDATE models SET status = ?, reason = ? WHERE id = ?", (status, reason, model_id))


async def retire_model(database: Database, model_id: int, status: str = "retired", reason: str = "") -> Model:
    """Set a model's status to `retired` or `rejected`. Raises RegistryError for the champion and for a base."""
    async with database.write() as connection:
        model = await select_model(connection, "id = ?", (model_id,))
        if model is None or model.status == "champion" or model.is_base:
            raise RegistryError(
                f"Model {model_id} can't be retired: it "
                f"{'does not exist' if model is None else 'is in service or a base'}."
            )
        await set_status(connection, model_id, status, reason)
        return await select_existing_model(connection, "id = ?", (model_id,))


async def mark_files_removed(database: Database, model_id: int) -> None:
    """Record that a model's files are removed, before they are.

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
    """Record where a model's files are after a restore; None if they are missing."""
    async with database.write() as connection:
        if directory:
            await connection.execute("UPDATE models SET directory = ? WHERE id = ?", (directory, model_id))
        else:
            await connection.execute("UPDATE models SET removed_at = ? WHERE id = ?", (time.time(), model_id))
