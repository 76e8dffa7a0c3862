"""Backups of the database with its photos, datasets and models, made while the bot runs.

A backup is a folder `jokebot-<UTC time>` with the layout of the data folder and a `backup.json`. It is written under a
temporary name, checked, flushed, and renamed, so that a backup with its own name is always complete. Files of photos,
datasets and models never change: on the same disk they are hard links; on another disk a photo or a model is copied
once and linked from one backup to the next. Base models are not included.
"""

import contextlib
import fcntl
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from configs.errors import JokebotError, explaining
from configs.settings import StorageSettings
from storage.database import DatabaseError, check_file, connect_read_only
from storage.judge.registry import PRIOR, judge_file
from storage.learning.dataset_files import UNFINISHED, file_digest, flush, link_or_copy, write_json
from storage.media.photos import photo_file

FORMAT = 1
PREFIX = "jokebot-"
RECORD = "backup.json"


class BackupError(JokebotError):
    """A backup can't be made or used; the message has the cause and the remedy."""


@dataclass(frozen=True)
class BackupInfo:
    """The contents of a backup. `missing` counts photos whose row had no file when the backup was made."""

    directory: Path
    created_at: float
    photos: int
    ratings: int
    missing: int
    models: int = 0


def backup_layout(directory: Path) -> StorageSettings:
    """The paths inside a backup, which are those of a data folder."""
    return StorageSettings(directory=directory)


def back_up(storage: StorageSettings, folder: Path, *, keep: int = 0, models: str = "serving") -> BackupInfo:
    """Make a backup in `folder`, then remove all but the newest `keep` (0: remove none). Blocks.

    `models` is the setting backup.models: which models' files are included. Raises BackupError, with its files removed,
    and DatabaseError for a damaged database; older backups stay then.
    """
    if not storage.database.exists():
        raise BackupError(f"There is nothing to back up: {storage.database} doesn't exist.")
    with backup_errors(f"A backup into {folder} failed"), _backup_lock(folder):
        for leftover in folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        earlier = _newest_backup(folder)
        temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        try:
            backup = _write_backup(storage, temporary, earlier, time.time(), models)
            directory = _free_name(folder, backup.created_at)
            temporary.rename(directory)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        flush(folder)
        others = [other for other in _whole_backups(folder) if other != directory]
        for old in others[: max(0, len(others) + 1 - keep)] if keep else ():
            shutil.rmtree(old)
    return BackupInfo(**{**asdict(backup), "directory": directory})


def list_backups(folder: Path) -> list[BackupInfo]:
    """The complete backups in a folder, oldest first. Raises BackupError if a record can't be read."""
    return [read_backup(directory) for directory in _whole_backups(folder)]


def newest_backup_time(folder: Path) -> float | None:
    """When the newest complete backup was made, seconds since 1970; None without a readable backup. Cheap."""
    newest = _newest_backup(folder)
    try:
        return read_backup(newest).created_at if newest else None
    except BackupError:
        return None


def read_backup(directory: Path) -> BackupInfo:
    """The record of a backup. Raises BackupError for other directories and for a backup of a newer program."""
    try:
        record = json.loads((directory / RECORD).read_text(encoding="utf-8"))
        if record.pop("format") != FORMAT:
            raise BackupError(f"{directory} was made by a newer Jokebot; update the program.")
        return BackupInfo(directory, **record)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackupError(
            f"{directory} is no whole backup ({error}). `jokebot backup --list` lists the backups."
        ) from error


def verify_backup(directory: Path) -> BackupInfo:
    """Check a backup's database and compare each photo with its hash. Raises BackupError, DatabaseError."""
    backup, storage = read_backup(directory), backup_layout(directory)
    check_file(storage.database)
    damaged = missing = 0
    for sha256, _ in list_photos(storage.database):
        file = photo_file(storage.photos, sha256)
        missing += not file.exists()
        damaged += file.exists() and file_digest(file) != sha256
    if damaged or missing > backup.missing:
        raise BackupError(
            f"The backup {directory} is damaged: {damaged} photos have changed, {missing - backup.missing} are "
            "gone. Take another one."
        )
    return backup


def _write_backup(
    storage: StorageSettings, directory: Path, earlier: Path | None, now: float, models: str
) -> BackupInfo:
    target = backup_layout(directory)
    _copy_database(storage.database, target.database)
    ratings, photos, missing = check_file(target.database), 0, 0
    for sha256, size in list_photos(target.database):
        sources = [
            photo_file(storage.photos, sha256),
            *([photo_file(backup_layout(earlier).photos, sha256)] if earlier else []),
        ]
        if _copy_photo(sources, photo_file(target.photos, sha256), size):
            photos += 1
        else:
            missing += 1
    _copy_judges(storage.judges, target)
    for name in _datasets(target.database):
        _copy_tree(storage.datasets / name, target.datasets / name)
    brought = sum(
        _copy_tree(
            storage.models / name, target.models / name, backup_layout(earlier).models / name if earlier else None
        )
        for name in _models(target.database, models)
    )
    backup = BackupInfo(directory, now, photos, ratings, missing, brought)
    write_json(
        directory / RECORD,
        {"format": FORMAT, **{key: value for key, value in asdict(backup).items() if key != "directory"}},
    )
    for folder in [path for path in directory.rglob("*") if path.is_dir()] + [directory]:
        flush(folder)
    return backup


def _copy_database(source: Path, target: Path) -> None:
    """Copy one committed state, without deleted data, by VACUUM INTO (https://www.sqlite.org/lang_vacuum.html)."""
    try:
        with closing(connect_read_only(source, timeout_s=60.0)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.OperationalError as error:
        why = "the disk is full. Free some room and try again" if "full" in str(error) else str(error)
        raise BackupError(f"The database {source} can't be copied to {target.parent.parent}: {why}.") from error
    except sqlite3.Error as error:
        raise DatabaseError(
            f"The database {source} is damaged: {error}. `jokebot restore` brings back an earlier backup."
        ) from error
    flush(target)


def _copy_photo(sources: list[Path], target: Path, size: int) -> bool:
    """Link or copy a photo into the backup from the first source with the right size, on the same disk if possible."""
    whole = [source for source in sources if source.exists() and source.stat().st_size == size]
    if not whole:
        return False
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    same_disk = [source for source in whole if source.stat().st_dev == target.parent.stat().st_dev]
    try:
        link_or_copy((same_disk or whole)[0], target)
    except FileNotFoundError:
        # The photo was erased between the two steps.
        return False
    return True


def _copy_tree(source: Path, target: Path, earlier: Path | None = None) -> bool:
    """Link or copy a dataset's or a model's files; False if they don't exist or are removed meanwhile.

    Files are linked to those of the `earlier` backup if that saves a copy.
    """
    try:
        for file in sorted(path for path in source.rglob("*") if path.is_file() and not path.name.startswith(".")):
            destination = target / file.relative_to(source)
            destination.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            known = earlier / file.relative_to(source) if earlier else None
            far = file.stat().st_dev != destination.parent.stat().st_dev
            same = far and known is not None and known.exists() and known.stat().st_size == file.stat().st_size
            link_or_copy(known if known and same else file, destination)
    except FileNotFoundError:
        shutil.rmtree(target, ignore_errors=True)
    return target.exists()


def _copy_judges(source: Path, target: StorageSettings) -> None:
    """Link or copy the judges that the database knows, and the one that fits start from; a missing file is no error."""
    for name in (PRIOR, *(judge_file(source, digest).name for digest in list_digests(target.database))):
        with contextlib.suppress(FileNotFoundError):
            target.judges.mkdir(parents=True, exist_ok=True, mode=0o700)
            link_or_copy(source / name, target.judges / name)


def list_digests(database: Path) -> list[str]:
    """The judges with a file in a database."""
    with closing(connect_read_only(database)) as connection:
        return [digest for (digest,) in connection.execute("SELECT digest FROM judges WHERE status != 'removed'")]


def list_photos(database: Path) -> Iterator[tuple[str, int]]:
    """(sha256, bytes) of the photos in a database."""
    with closing(connect_read_only(database)) as connection:
        yield from connection.execute("SELECT sha256, bytes FROM photos")


def _datasets(database: Path) -> list[str]:
    with closing(connect_read_only(database)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM datasets WHERE state != 'replaced'")]


MODELS_KEPT = {
    "none": "false",
    "all": "true",
    "serving": "status IN ('champion', 'canary') OR id = (SELECT predecessor_id FROM models WHERE status = 'champion')",
}


def _models(database: Path, which: str) -> list[str]:
    """Folder names of the models to include. Only models made by this program are included."""
    with closing(connect_read_only(database)) as connection:
        rows = connection.execute(
            "SELECT directory FROM models WHERE base_id IS NOT NULL AND removed_at IS NULL AND directory IS NOT NULL "
            f"AND ({MODELS_KEPT[which]}) ORDER BY id"
        )
        return [Path(directory).name for (directory,) in rows]


def _whole_backups(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"{PREFIX}*/{RECORD}"))


def _newest_backup(folder: Path) -> Path | None:
    return next(reversed(_whole_backups(folder)), None)


def _free_name(folder: Path, now: float) -> Path:
    """A name that is not in use; names sort by time."""
    while (
        path := folder / f"{PREFIX}{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{int(now * 1000) % 1000:03}"
    ).exists():
        now += 0.001
    return path


@contextmanager
def _backup_lock(folder: Path) -> Iterator[None]:
    """Lock the folder, so that one process makes a backup at a time."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup into {folder} is under way; try again when it is done.") from None
        yield


def backup_errors(what: str) -> AbstractContextManager[None]:
    """Context manager that raises a BackupError beginning with `what` for an OSError in the block."""
    return explaining(
        what,
        BackupError,
        lambda error: f"{error.strerror or error}. Check the folder's rights and the disk's free space",
    )
