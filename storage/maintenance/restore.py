"""Restores a backup. The previous data is kept in a separate folder, so that a restore can be undone."""

import asyncio
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from configs.settings import StorageSettings
from storage.learning.dataset_files import file_digest, flush, link_or_copy
from storage.learning.model_files import list_model_files
from storage.maintenance.backup import BackupError, BackupInfo, backup_errors, backup_layout, list_photos, verify_backup
from storage.maintenance.registry_repair import RepairResult, repair_registry
from storage.media.photos import photo_file

BEFORE_PREFIX = "before-restore-"


def restore(directory: Path, storage: StorageSettings) -> tuple[BackupInfo, Path, RepairResult]:
    """Replace the data by a backup. Returns the backup, the folder with the previous data, and the registry's changes.

    The caller must hold the lock of the data folder. The backup is verified first. The database is replaced by one
    rename, after photos and models are in place; a repeated call completes an interrupted one. Raises BackupError or
    DatabaseError before any change.
    """
    backup, source = verify_backup(directory), backup_layout(directory)
    aside = storage.directory / f"{BEFORE_PREFIX}{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    with backup_errors(f"The backup {directory} can't be restored into {storage.directory}"):
        storage.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside.mkdir(mode=0o700, exist_ok=True)
        new = storage.directory / ".restored.sqlite3"
        shutil.copyfile(source.database, new)
        flush(new)
        for sha256, _ in list_photos(source.database):
            _copy_photo(photo_file(source.photos, sha256), photo_file(storage.photos, sha256), sha256)
        for dataset in source.datasets.iterdir() if source.datasets.exists() else ():
            if not (storage.datasets / dataset.name).exists():
                storage.datasets.mkdir(exist_ok=True, mode=0o700)
                shutil.copytree(dataset, storage.datasets / dataset.name)
        for judge in source.judges.iterdir() if source.judges.exists() else ():
            if not (storage.judges / judge.name).exists():
                storage.judges.mkdir(exist_ok=True, mode=0o700)
                link_or_copy(judge, storage.judges / judge.name)
        for model in source.models.iterdir() if source.models.exists() else ():
            _copy_model(model, storage.models / model.name, aside / "models" / model.name)
        with ThreadPoolExecutor(1) as thread:  # the caller may run an event loop
            mended = thread.submit(asyncio.run, repair_registry(new, storage.models.absolute())).result()
        _replace_database(new, storage.database, aside)
        _set_aside_photos(storage, aside)
    return backup, aside, mended


def _copy_model(source: Path, target: Path, aside: Path) -> None:
    """Copy a model's files; a different directory with this name is moved to `aside`."""
    if target.exists() and all(
        (target / file.name).exists() and file_digest(target / file.name) == file_digest(file)
        for file in list_model_files(source)
    ):
        return
    temporary = target.with_name(f".restored-{target.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True, mode=0o700)
    for file in list_model_files(source):
        link_or_copy(file, temporary / file.name)
    flush(temporary)
    if target.exists():
        aside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.rename(aside)
    temporary.rename(target)


def _copy_photo(source: Path, target: Path, sha256: str) -> None:
    if not source.exists() or (target.exists() and file_digest(target) == sha256):
        return
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    link_or_copy(source, target)
    flush(target.parent)


def _replace_database(new: Path, database: Path, aside: Path) -> None:
    """Copy the old database and its write-ahead log to `aside`, remove the log, then rename the new file."""
    logs = [database.with_name(database.name + end) for end in ("-wal", "-shm")]
    for file in (database, *logs):
        if file.exists() and not (aside / file.name).exists():
            shutil.copyfile(file, aside / file.name)
            flush(aside / file.name)
    flush(aside)
    for log in logs:
        log.unlink(missing_ok=True)
    new.replace(database)
    flush(database.parent)


def _set_aside_photos(storage: StorageSettings, aside: Path) -> None:
    """Move photos that are not in the restored database to `aside`."""
    known = {sha256 for sha256, _ in list_photos(storage.database)}
    for file in storage.photos.glob("??/*.jpg") if storage.photos.exists() else ():
        if file.stem not in known:
            destination = photo_file(aside / "photos", file.stem)
            destination.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.rename(destination)


def newest_backup(folder: Path, backups: list[BackupInfo]) -> BackupInfo:
    """The newest backup. Raises BackupError if there is none."""
    if not backups:
        raise BackupError(f"There is no backup in {folder}. `jokebot backup` makes one.")
    return backups[-1]
