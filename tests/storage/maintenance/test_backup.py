"""Backups are complete, consistent during concurrent writes, and can be restored."""

import asyncio
import errno
import io
import os
import random
import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from configs.settings import StorageSettings
from storage.chat.jokes import NewJoke, add_joke
from storage.chat.ratings import record_rating
from storage.database import Database, DatabaseError
from storage.learning.dataset_files import file_digest
from storage.learning.model_files import model_digest
from storage.learning.models import get_champion, get_model, register_base
from storage.learning.promotion import promote
from storage.maintenance import backup as module
from storage.maintenance.backup import BackupError, back_up, list_backups, verify_backup
from storage.maintenance.restore import restore
from storage.media.photos import add_photo, check_photo, photo_file


class House:
    """A data folder with photos, jokes and ratings."""

    def __init__(self, directory: Path) -> None:
        self.storage = StorageSettings(directory=directory)
        self.database: Database
        self.model_id = self.made = 0
        self.rated: list[tuple[int, int]] = []

    async def open(self) -> "House":
        self.database = await Database.open(self.storage.database)
        self.model_id = (await register_base(self.database, "base", None)).id
        return self

    async def live(self) -> None:
        """One more photo, joke and rating, all committed when this returns."""
        self.made += 1
        buffer = io.BytesIO()
        Image.frombytes("RGB", (16, 16), random.Random(self.made).randbytes(768)).save(buffer, "PNG")
        checked = check_photo(buffer.getvalue(), max_bytes=10**6, max_pixels=10**6)
        photo = await add_photo(self.database, self.storage.photos, checked, 5)
        joke = NewJoke(photo.id, self.model_id, 5, "en", "pun", None, "Tell.", "Ha.", 0.8, 0.9, 160, None, None, 0.1)
        joke_id = (await add_joke(self.database, joke)).id
        await record_rating(self.database, joke_id, 5, 3)
        self.rated.append((joke_id, photo.id))

    async def promote(self, name: str) -> Path:
        """A model of the bot's own takes over."""
        directory = self.storage.models.absolute() / name
        directory.mkdir(parents=True)
        (directory / "model.safetensors").write_bytes(random.Random(name).randbytes(5000))
        async with self.database.write() as connection:
            await connection.execute(
                "INSERT INTO models (name, status, base_id, parent_id, start_id, directory, digest, created_at) "
                "VALUES (?, 'candidate', ?, ?, ?, ?, ?, 0)",
                (name, self.model_id, self.model_id, self.model_id, str(directory), model_digest(directory)),
            )
        await promote(self.database, (await get_model(self.database, name)).id, "admin")
        return directory

    def photo_files(self) -> list[Path]:
        return sorted(self.storage.photos.glob("??/*.jpg"))


@pytest.fixture
async def house(tmp_path):
    house = await House(tmp_path / "data").open()
    yield house
    await house.database.close()


async def test_a_backup_under_load_holds_all_that_was_committed_before_and_comes_back_whole(house, tmp_path):
    for _ in range(20):
        await house.live()

    async def load() -> None:
        while True:
            await house.live()

    tasks = [asyncio.create_task(load()) for _ in range(3)]
    made = []
    for _ in range(3):
        before = set(house.rated)
        made.append((before, await asyncio.to_thread(back_up, house.storage, tmp_path / "backups")))
        await asyncio.to_thread(verify_backup, made[-1][1].directory)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(house.rated) > 20, "nobody was at work during the backups"
    for number, (before, one) in enumerate(made):
        other = StorageSettings(directory=tmp_path / f"restored-{number}")
        restore(one.directory, other)
        restored = await Database.open(other.database)
        rows = {
            tuple(row)
            for row in await restored.rows("SELECT joke_id, photo_id FROM ratings JOIN jokes ON jokes.id = joke_id")
        }
        assert before <= rows and len(rows) >= one.ratings
        assert not list(await restored.rows("PRAGMA foreign_key_check"))
        known = [row["sha256"] for row in await restored.rows("SELECT sha256 FROM photos")]
        await restored.close()
        assert len(known) == one.photos and one.missing == 0
        assert all(file_digest(photo_file(other.photos, sha256)) == sha256 for sha256 in known)


async def test_a_restore_undoes_what_came_after_and_keeps_it_aside(house, tmp_path):
    await house.live()
    made = back_up(house.storage, tmp_path / "backups")
    await house.live()
    await house.database.close()
    _, aside, _ = restore(made.directory, house.storage)
    await house.open()
    assert await house.database.value("SELECT count(*) FROM ratings") == 1
    assert [file.stem for file in house.photo_files()] == [
        row["sha256"] for row in await house.database.rows("SELECT sha256 FROM photos")
    ]
    assert len(list(aside.glob("photos/??/*.jpg"))) == 1
    with sqlite3.connect(aside / "jokebot.sqlite3") as old:
        assert old.execute("SELECT count(*) FROM ratings").fetchone() == (2,)


async def test_a_restore_mends_a_damaged_database_and_a_damaged_photo(house, tmp_path):
    for _ in range(30):
        await house.live()
    made = back_up(house.storage, tmp_path / "elsewhere")
    await house.database.close()
    content = bytearray(house.storage.database.read_bytes())
    content[4096:20_000] = os.urandom(20_000 - 4096)
    house.storage.database.write_bytes(content)
    victim = house.photo_files()[0]
    whole = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(b"rotten")
    restore(made.directory, house.storage)
    await house.open()
    assert await house.database.value("SELECT count(*) FROM ratings") == 30
    assert victim.read_bytes() == whole


async def test_old_backups_go_and_share_their_photos(house, tmp_path):
    folder, made = tmp_path / "backups", []
    for _ in range(4):
        await house.live()
        made.append(back_up(house.storage, folder, keep=2).directory)
    assert [one.directory for one in list_backups(folder)] == made[2:]
    file = house.photo_files()[0]
    copies = [directory / "photos" / file.relative_to(house.storage.photos) for directory in made[2:]]
    assert {copy.stat().st_ino for copy in copies} == {file.stat().st_ino}


async def test_what_was_forgotten_is_not_carried_along(house, tmp_path):
    secret = "something that nobody shall read again"
    async with house.database.write() as connection:
        await connection.execute("INSERT INTO inbox (update_id, payload, received_at) VALUES (1, ?, 0)", (secret,))
        await connection.execute("DELETE FROM inbox")
    made = back_up(house.storage, tmp_path / "backups")
    assert secret.encode() not in (made.directory / "jokebot.sqlite3").read_bytes()


async def test_a_missing_photo_is_counted_and_the_rest_is_kept(house, tmp_path):
    for _ in range(3):
        await house.live()
    house.photo_files()[0].unlink()
    made = back_up(house.storage, tmp_path / "backups")
    assert (made.photos, made.missing) == (2, 1)
    verify_backup(made.directory)


async def test_a_full_disk_leaves_no_half_backup(house, tmp_path, monkeypatch):
    await house.live()

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "link_or_copy", full)
    with pytest.raises(BackupError, match="No space left"):
        back_up(house.storage, tmp_path / "backups")
    assert list_backups(tmp_path / "backups") == []
    assert not [path for path in (tmp_path / "backups").iterdir() if path.is_dir()]


async def test_a_damaged_backup_is_refused_and_nothing_is_changed(house, tmp_path):
    await house.live()
    made = back_up(house.storage, tmp_path / "backups")
    file = next(made.directory.glob("photos/??/*.jpg"))
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1] + b"?")
    with pytest.raises(BackupError, match="1 photos have changed"):
        restore(made.directory, house.storage)
    assert await house.database.value("SELECT count(*) FROM ratings") == 1
    file.write_bytes(content)
    (made.directory / "jokebot.sqlite3").write_bytes(b"no database")
    with pytest.raises(DatabaseError):
        restore(made.directory, house.storage)
    with pytest.raises(BackupError, match="no whole backup"):
        restore(tmp_path, house.storage)


async def test_a_damaged_database_is_not_backed_up_over_good_backups(house, tmp_path):
    for _ in range(30):
        await house.live()
    good = back_up(house.storage, tmp_path / "backups", keep=1)
    await house.database.close()
    content = bytearray(house.storage.database.read_bytes())
    content[4096:20_000] = os.urandom(20_000 - 4096)
    house.storage.database.write_bytes(content)
    with pytest.raises(DatabaseError, match="jokebot restore"):
        back_up(house.storage, tmp_path / "backups", keep=1)
    assert [one.directory for one in list_backups(tmp_path / "backups")] == [good.directory]
    restore(good.directory, house.storage)
    await house.open()


async def test_two_backups_at_once_do_not_meet(house, tmp_path):
    await house.live()
    with module._backup_lock(tmp_path / "backups"), pytest.raises(BackupError, match="Another backup"):
        back_up(house.storage, tmp_path / "backups")


async def test_the_models_in_service_come_back_with_their_files_wherever_the_data_is_restored(house, tmp_path):
    for name in ("first", "second", "third"):
        await house.promote(name)
    made = back_up(house.storage, tmp_path / "backups")
    assert made.models == 2 and sorted(path.name for path in (made.directory / "models").iterdir()) == [
        "second",
        "third",
    ]
    other = StorageSettings(directory=tmp_path / "other")
    _, _, mended = restore(made.directory, other)
    assert ([model.name for model in mended.gone], mended.serving) == (["first"], None)
    restored = await Database.open(other.database)
    serving = await get_champion(restored)
    assert (serving.name, Path(serving.directory)) == ("third", other.models.absolute() / "third")
    assert model_digest(Path(serving.directory)) == serving.digest
    assert (await get_model(restored, "first")).removed_at and not (await get_model(restored, "second")).removed_at
    await restored.close()


async def test_a_champion_that_was_not_in_the_backup_steps_back_to_a_model_that_is_there(house, tmp_path):
    first, second = await house.promote("first"), await house.promote("second")
    made = back_up(house.storage, tmp_path / "backups", models="none")
    assert made.models == 0
    await house.database.close()
    (second / "model.safetensors").write_bytes(b"rotten")
    _, _, mended = restore(made.directory, house.storage)
    assert ([model.name for model in mended.gone], mended.serving.name) == (["second"], "first")
    (first / "model.safetensors").unlink()
    _, _, mended = restore(made.directory, house.storage)
    assert mended.serving.name == "base"
    await house.open()
    assert (await get_champion(house.database)).name == "base"


async def test_a_model_that_has_rotted_is_brought_back_and_the_rotten_one_is_kept_aside(house, tmp_path):
    directory = await house.promote("first")
    made = back_up(house.storage, tmp_path / "backups")
    await house.database.close()
    file = directory / "model.safetensors"
    file.unlink()
    file.write_bytes(b"rotten")
    _, aside, mended = restore(made.directory, house.storage)
    await house.open()
    serving = await get_champion(house.database)
    assert not mended.gone and model_digest(directory) == serving.digest
    assert (aside / "models" / "first" / "model.safetensors").read_bytes() == b"rotten"
