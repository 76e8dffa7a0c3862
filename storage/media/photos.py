"""Photos: files named by the SHA-256 of their content, and their rows in the database."""

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from configs.errors import JokebotError, StorageUnavailable
from storage.database import Database
from storage.media.image_check import CheckedPhoto, PhotoError, check_photo
from storage.media.perceptual_hash import hamming

__all__ = [
    "add_photo",
    "CheckedPhoto",
    "Photo",
    "PhotoError",
    "PhotoFolderError",
    "SenderForgotten",
    "check_photo",
    "features_folder",
    "get_photo",
    "hamming",
    "photo_file",
    "photo_path",
    "photo_values",
    "read_photo",
    "write_file",
]


class PhotoFolderError(StorageUnavailable):
    """The photo folder can't be written, for example because the disk is full or permissions are missing."""


class SenderForgotten(JokebotError):
    """The user sent /forget while the photo was being received; nothing of it is stored."""


@dataclass(frozen=True)
class Photo:
    """A stored photo. `bytes` is its size, `phash` the signed 64-bit perceptual hash; sides are upright pixels."""

    id: int
    sha256: str
    phash: int
    width: int
    height: int
    bytes: int
    media_type: str
    created_at: float


NOT_FORGOTTEN = "NOT EXISTS (SELECT 1 FROM inbox WHERE update_id = ? AND state = 'done')"
"""Condition: the update is in work. `/forget` marks the user's updates as done."""


async def add_photo(
    database: Database, folder: Path, checked: CheckedPhoto, user_id: int, update_id: int | None = None
) -> Photo:
    """Store a checked photo and its sender; returns the existing row of a known photo.

    The file is complete and on the disk before its row is written. Raises PhotoFolderError if it can't be written, and
    SenderForgotten where the update that brought the photo was erased meanwhile.
    """
    path = await write_file(folder, checked)
    now = time.time()
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO photos (sha256, phash, width, height, bytes, media_type, created_at) SELECT ?, ?, ?, ?, ?, ?, "
            f"? WHERE {NOT_FORGOTTEN} ON CONFLICT (sha256) DO NOTHING",
            (*photo_values(checked), now, update_id),
        )
        async with connection.execute("SELECT * FROM photos WHERE sha256 = ?", (checked.sha256,)) as cursor:
            row = await cursor.fetchone()
        stored = await connection.execute(
            f"INSERT INTO photo_senders SELECT id, ?, ? FROM photos WHERE sha256 = ? AND {NOT_FORGOTTEN} "
            "ON CONFLICT DO UPDATE SET sent_at = excluded.sent_at",
            (user_id, now, checked.sha256, update_id),
        )
    if row is None or stored.rowcount == 0:
        if row is None:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        raise SenderForgotten("The user sent /forget while the photo was being received.")
    # Another user's /forget may have removed the file between the two steps above; now the row protects it.
    await asyncio.to_thread(_write_once, path, checked.data)
    return Photo(**dict(row))


async def write_file(folder: Path, checked: CheckedPhoto) -> Path:
    """Write the file of a checked photo and return its path. Raises PhotoFolderError."""
    path = photo_file(folder, checked.sha256)
    try:
        await asyncio.to_thread(_write_once, path, checked.data)
    except OSError as error:
        raise PhotoFolderError(
            f"The photo can't be kept in {folder}: {error.strerror}. Check the disk's free space and the folder's "
            "rights."
        ) from error
    return path


def photo_values(checked: CheckedPhoto) -> tuple[str, int, int, int, int, str]:
    """The values of the columns sha256, phash, width, height, bytes, media_type."""
    return (
        checked.sha256,
        checked.phash,
        checked.width,
        checked.height,
        len(checked.data),
        checked.media_type,
    )


async def get_photo(database: Database, photo_id: int) -> Photo | None:
    """The photo, or None for an unknown id."""
    row = await database.row("SELECT * FROM photos WHERE id = ?", (photo_id,))
    return Photo(**dict(row)) if row else None


def read_photo(folder: Path, photo: Photo) -> bytes:
    """The content of a photo's file. Raises OSError if it is missing. Blocks."""
    return photo_path(folder, photo).read_bytes()


def photo_path(folder: Path, photo: Photo) -> Path:
    """The path of a photo's file: `folder/ab/abcdef….jpg`."""
    return photo_file(folder, photo.sha256)


def photo_file(folder: Path, sha256: str) -> Path:
    """The path of the file with that SHA-256, whether or not it exists."""
    return folder / sha256[:2] / f"{sha256}.jpg"


def features_folder(photos: Path) -> Path:
    """The folder of cached photo features, beside the photos: `features/MODEL/SHA256-TILES.bf16`."""
    return photos.with_name("features")


def _write_once(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, flush it and rename it. Concurrent writers write the same bytes."""
    if path.exists() and path.stat().st_size == len(data):
        return
    for directory in (path.parent.parent, path.parent):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    for directory in (path.parent, path.parent.parent):
        _sync_directory(directory)


def _sync_directory(directory: Path) -> None:
    """Flush a directory, so that a power cut doesn't lose the new name of a file."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
