"""Removes model files: all but the newest few, and those of models trained on rows of forgotten users."""

import asyncio
import logging
import shutil
from pathlib import Path

from storage.database import Database
from storage.learning import models, promotion
from storage.learning.models import RegistryError

log = logging.getLogger(__name__)


async def remove_models(database: Database, folder: Path, keep: int) -> None:
    """Remove the files of models that `promotion.removable` names, where they lie in the `folder` of this program's own
    models.

    A row says that files are gone before they go, so what a kill leaves is removed by the next call.
    """
    for model in await promotion.removable(database, keep):
        try:
            await models.files_removed(database, model.id)
            log.info("the files of model %d (%s) are removed", model.id, model.name)
        except RegistryError:
            # It has entered service this very moment.
            continue
    for model in await models.all_models(database):
        if model.removed_at and model.directory:
            await asyncio.to_thread(remove_inside, folder, Path(model.directory))


def remove_inside(folder: Path, directory: Path) -> None:
    if directory.parent == folder.absolute():
        shutil.rmtree(directory, ignore_errors=True)
