"""A photo is one file and one row, also if it is sent several times or by several users."""

import asyncio
import hashlib
import os
import stat
from pathlib import Path

import pytest

from storage.database import Database
from storage.media import photos
from storage.media.photos import PhotoFolderError, add_photo, check_photo, get_photo, photo_path


@pytest.fixture
def checked(scene, encode):
    return check_photo(encode(scene()), max_bytes=10**6, max_pixels=10**6)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_kept_photo_can_be_found_again(database, tmp_path, checked):
    folder = tmp_path / "photos"
    photo = await add_photo(database, folder, checked, 7)
    path = photo_path(folder, photo)
    assert path == folder / photo.sha256[:2] / f"{photo.sha256}.jpg"
    assert path.read_bytes() == checked.data
    assert hashlib.sha256(path.read_bytes()).hexdigest() == photo.sha256
    assert (photo.width, photo.height, photo.bytes, photo.media_type) == (320, 240, len(checked.data), "image/jpeg")
    assert photo.phash == checked.phash
    assert await get_photo(database, photo.id) == photo
    assert await get_photo(database, photo.id + 1) is None


async def test_only_the_owner_may_look(database, tmp_path, checked):
    photo = await add_photo(database, tmp_path / "photos", checked, 7)
    path = photo_path(tmp_path / "photos", photo)
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


async def test_fifty_at_once_make_one_file_and_one_row(database, tmp_path, checked):
    folder = tmp_path / "photos"
    kept = await asyncio.gather(*(add_photo(database, folder, checked, person % 10) for person in range(50)))
    assert len(set(kept)) == 1
    assert files(folder) == [photo_path(folder, kept[0])]
    assert await database.value("SELECT count(*) FROM photos") == 1
    assert await database.value("SELECT count(*) FROM photo_senders") == 10


async def test_a_file_without_a_row_is_taken_over(database, tmp_path, checked):
    """A kill between the file and the row leaves this behind."""
    folder = tmp_path / "photos"
    path = folder / checked.sha256[:2] / f"{checked.sha256}.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(checked.data)
    written = path.stat().st_ino
    photo = await add_photo(database, folder, checked, 1)
    assert photo_path(folder, photo) == path and path.stat().st_ino == written


async def test_a_file_of_another_length_is_mended(database, tmp_path, checked):
    folder = tmp_path / "photos"
    photo = await add_photo(database, folder, checked, 1)
    photo_path(folder, photo).write_bytes(b"half")
    assert await add_photo(database, folder, checked, 2) == photo
    assert photo_path(folder, photo).read_bytes() == checked.data


async def test_a_failed_write_leaves_no_file_and_no_row(database, tmp_path, checked, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "photos"
    monkeypatch.setattr(photos.os, "fsync", full)
    with pytest.raises(PhotoFolderError, match="No space left on device"):
        await add_photo(database, folder, checked, 1)
    assert files(folder) == []
    assert await database.value("SELECT count(*) FROM photos") == 0


async def test_a_folder_that_can_not_be_made_is_one_clear_line(database, tmp_path, checked):
    (tmp_path / "photos").write_text("a file is in the way")
    with pytest.raises(PhotoFolderError, match="can't be kept"):
        await add_photo(database, tmp_path / "photos", checked, 1)


async def test_the_file_is_whole_before_it_has_its_name(database, tmp_path, checked, monkeypatch):
    seen = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(sorted(path.name for path in files(tmp_path / "photos")))
        real(descriptor)

    monkeypatch.setattr(photos.os, "fsync", fsync)
    photo = await add_photo(database, tmp_path / "photos", checked, 1)
    assert seen[0] != [] and all(name.endswith(".tmp") for name in seen[0])
    assert seen[-1] == [f"{photo.sha256}.jpg"]


async def test_deleting_a_photo_forgets_its_senders(database, tmp_path, checked):
    photo = await add_photo(database, tmp_path / "photos", checked, 1)
    async with database.write() as connection:
        await connection.execute("DELETE FROM photos WHERE id = ?", (photo.id,))
    assert await database.value("SELECT count(*) FROM photo_senders") == 0


async def test_a_photo_outlives_the_process(tmp_path, checked):
    first = await Database.open(tmp_path / "a.sqlite3")
    photo = await add_photo(first, tmp_path / "photos", checked, 1)
    await first.close()
    second = await Database.open(tmp_path / "a.sqlite3")
    assert await get_photo(second, photo.id) == photo
    await second.close()
