"""The registry of models: base, candidate, canary, champion, retired, rejected."""
import time
from dataclasses import dataclass

from storage.database import Database


@dataclass(frozen=True)
class Model:
    """A version in the registry. A base has no `base_id`; `directory` is None where only the engine's host has the files."""

    id: int
    name: str
    status: str
    parent_id: int | None
    base_id: int | None
    directory: str | None
    digest: str | None
    measures: str
    created_at: float


async def register_base(database: Database, name: str, directory: str | None, digest: str | None = None) -> Model:
    """Register a base by name, or return the one that is there; it becomes champion where there is none."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO models (name, status, directory, digest, created_at) SELECT ?, "
            "CASE WHEN EXISTS (SELECT 1 FROM models WHERE status = 'champion') THEN 'base' ELSE 'champion' END, ?, ?, ? "
            "WHERE true ON CONFLICT (name) DO NOTHING", (name, directory, digest, time.time()))
        async with connection.execute("SELECT * FROM models WHERE name = ?", (name,)) as cursor:
            row = await cursor.fetchone()
    return Model(**dict(row))


async def champion(database: Database) -> Model | None:
    """The model in service, or None before a base is registered."""
    row = await database.row("SELECT * FROM models WHERE status = 'champion'")
    return Model(**dict(row)) if row else None
