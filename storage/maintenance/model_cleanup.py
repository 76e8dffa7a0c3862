"""Removes the files of old models and of models that may not serve."""

import asyncio
import logging
import shutil
from pathlib import Path

from storage.database import Database
from storage.learning import models, promotion
from storage.learning.models import Model, RegistryError
from storage.learning.tainted_models import TAINTED

log = logging.getLogger(__name__)


async def remove_model_files(database: Database, folder: Path, keep: int) -> None:
    """Remove the files of removable models in `folder`, the folder of this program's own models.

    The row is changed before the files are removed, so that the next call finishes interrupted work.
    """
    for model in await list_removable_models(database, keep):
        try:
            await models.mark_files_removed(database, model.id)
            log.info("removing the files of model %d (%s)", model.id, model.name)
        except RegistryError:
            # The model has just entered service.
            continue
    for model in await models.all_models(database):
        if model.removed_at and model.directory:
            await asyncio.to_thread(remove_directory, folder, Path(model.directory))


async def list_removable_models(database: Database, keep: int) -> list[Model]:
    """Models whose files may be removed: all but the newest `keep`, and all rejected and tainted ones.

    Never the champion, the previous champion, a base, a model on trial, or one that an unfinished run needs.
    """
    back = await promotion.get_previous_champion(database)
    rows = await database.rows(f"""{TAINTED} SELECT models.*, id IN tainted OR status = 'rejected' AS gone FROM models
        WHERE base_id IS NOT NULL AND removed_at IS NULL AND status NOT IN ('champion', 'canary') AND id NOT IN (
            SELECT coalesce(candidate_id, 0) FROM runs WHERE finished_at IS NULL
            UNION SELECT coalesce(start_id, 0) FROM runs WHERE finished_at IS NULL)
        ORDER BY id DESC""")
    others = [dict(row) for row in rows if back is None or row["id"] != back.id]
    keep_ids = [row["id"] for row in others if not row["gone"]][:keep]
    return [
        Model(**{name: value for name, value in row.items() if name != "gone"})
        for row in others
        if row["id"] not in keep_ids
    ]


def remove_directory(folder: Path, directory: Path) -> None:
    if directory.parent == folder.absolute():
        shutil.rmtree(directory, ignore_errors=True)
