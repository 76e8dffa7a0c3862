"""Tainted models: models that were trained on rows of a user who was forgotten since. They must not serve."""

import aiosqlite

from storage.database import Database
from storage.learning.datasets import FORGOTTEN_ROW
from storage.learning.models import Model, RegistryError

TAINTED = f"""WITH RECURSIVE tainted (id) AS (
    SELECT models.id FROM models JOIN datasets ON datasets.name = models.dataset WHERE EXISTS (
        SELECT 1 FROM dataset_rows WHERE dataset_id = datasets.id AND {FORGOTTEN_ROW})
    UNION SELECT models.id FROM models JOIN tainted ON models.start_id = tainted.id)"""
"""SQL of the tainted models, including those that started from a tainted model, over any number of steps."""

FORGOTTEN_DATA = "It was trained on data of a user who has since asked to be forgotten."


class ModelTainted(RegistryError):
    """The model is tainted and must not serve."""

    def __init__(self, model_id: int) -> None:
        super().__init__(
            f"Model {model_id} doesn't enter service. {FORGOTTEN_DATA}", code="saw-forgotten", model=model_id
        )


async def list_tainted_models(database: Database) -> list[Model]:
    """All tainted models, oldest first."""
    rows = await database.rows(f"{TAINTED} SELECT models.* FROM models JOIN tainted USING (id) ORDER BY id")
    return [Model(**dict(row)) for row in rows]


async def is_tainted(connection: aiosqlite.Connection, model_id: int) -> bool:
    """Whether a model is tainted, within a transaction."""
    async with connection.execute(f"{TAINTED} SELECT 1 FROM tainted WHERE id = ?", (model_id,)) as cursor:
        return await cursor.fetchone() is not None
