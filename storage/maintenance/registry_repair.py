"""Adapts the registry of a restored database to the existing model files."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from storage.database import Database
from storage.learning import models, promotion, runs
from storage.learning.model_files import model_digest
from storage.learning.models import Model
from storage.learning.promotion import Promotion

log = logging.getLogger(__name__)

FILES_MISSING = "Its files were not in the backup that was restored."


@dataclass
class RepairResult:
    """Changes of the registry: models without files, and the new champion if the old one has no files."""

    gone: list[Model] = field(default_factory=list)
    serving: Model | None = None


async def repair_registry(path: Path, folder: Path) -> RepairResult:
    """Set the directory of each trained model to its files in `folder`; models without files are marked as removed.

    A champion without files is replaced by the previous champion, finally by the base. A run whose candidate has no
    files is ended.
    """
    database, mended = await Database.open(path), RepairResult()
    try:
        for model in await models.all_models(database):
            if model.is_base or not model.directory or model.removed_at:
                continue
            directory = folder / Path(model.directory).name
            whole = is_whole(directory, model.digest)
            await models.record_files(database, model.id, str(directory) if whole else None)
            mended.gone += [] if whole else [model]
        lost = {model.id for model in mended.gone}
        run = await runs.current_run(database)
        if run and run.candidate_id in lost:
            await promotion.end_run(database, run, "failed", FILES_MISSING)
        champion = await models.get_champion(database)
        if champion and champion.id in lost:
            mended.serving = await _step_back(database)
    finally:
        await database.close()
    return mended


def is_whole(directory: Path, digest: str | None) -> bool:
    """Whether a model's files are complete and unchanged."""
    try:
        return model_digest(directory) == digest
    except OSError:
        return False


async def _step_back(database: Database) -> Model | None:
    change: Promotion = await promotion.rollback(database, reason=FILES_MISSING)
    return await models.get_model(database, change.model_id)
