"""Finishes erasures that a kill or a running export interrupted, and deletes data past its retention."""

import logging

from bot.runtime.periodic import Periodic
from configs.safety import RetentionSettings
from configs.settings import StorageSettings
from storage.database import Database
from storage.judge.erasure import erase_from_judges
from storage.learning import dataset_files
from storage.maintenance.erasure import finish_erasure
from storage.maintenance.model_cleanup import remove_model_files
from storage.maintenance.retention import delete_aged_data

log = logging.getLogger(__name__)

ERASE_EVERY_S = 3600.0


class ErasureJob:
    """Runs at the start and every hour. `keep_models` is the number of old models that stay on disk."""

    def __init__(
        self, database: Database, storage: StorageSettings, retention: RetentionSettings, keep_models: int
    ) -> None:
        self._database, self._storage, self._retention, self._keep_models = database, storage, retention, keep_models

    def job(self) -> Periodic:
        """`erase` every hour."""
        return Periodic("erasure", ERASE_EVERY_S, self.erase)

    async def erase(self) -> None:
        """One pass: abandoned files, data past its retention, the database's log, models that learnt from erased users.

        Raises DatasetError while an export holds the datasets, sqlite3.Error, OSError.
        """
        storage = self._storage
        async with dataset_files.lock(storage.datasets, wait_s=0.0):
            await finish_erasure(self._database, storage.photos, storage.datasets)
        await erase_from_judges(self._database, storage.judges)
        await delete_aged_data(self._database, storage.photos, storage.datasets, self._retention)
        if not await self._database.truncate_log():
            log.warning("the database's log is not emptied, because another process reads the database")
        await remove_model_files(self._database, storage.models, self._keep_models)
