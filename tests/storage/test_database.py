"""The database file: created, migrated, shared, and intact after failures."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest

from storage import database as module
from storage.chat.inbox import add_updates
from storage.database import Database, DatabaseError, migrations


def tables(path) -> set[str]:
    with sqlite3.connect(path) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.fixture
def own_migrations(tmp_path, monkeypatch):
    """A folder of migrations of this test's own, the real ones in it."""
    folder = tmp_path / "migrations"
    shutil.copytree(module.MIGRATIONS, folder)
    monkeypatch.setattr(module, "MIGRATIONS", folder)
    return folder


async def test_a_new_file_has_every_migration_once(tmp_path):
    path = tmp_path / "deep" / "folder" / "jokebot.sqlite3"
    for _ in range(2):
        database = await Database.open(path)
        recorded = [tuple(row) for row in await database.rows("SELECT number, name FROM migrations ORDER BY number")]
        await database.close()
        assert recorded == [(number, file.stem) for number, file in migrations()]
    assert {"photos", "photo_senders", "jokes", "deliveries", "ratings", "models", "inbox"} <= tables(path)


def test_migrations_are_numbered_without_gaps_and_end_their_statements():
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))
    for _, file in migrations():
        script = file.read_text(encoding="utf-8")
        assert sqlite3.complete_statement(script), file.name
        assert "".join(module._statements(script)).strip() == script.strip()


async def test_it_writes_ahead_syncs_fully_and_keeps_foreign_keys(database):
    pragmas = {name: await database.value(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    with pytest.raises(sqlite3.IntegrityError):
        async with database.write() as connection:
            await connection.execute("INSERT INTO ratings VALUES (999, 1, 3, 0, 0, NULL)")


async def test_a_broken_migration_leaves_nothing_of_itself(tmp_path, own_migrations):
    path = tmp_path / "jokebot.sqlite3"
    await (await Database.open(path)).close()
    before = tables(path)
    number = len(migrations()) + 1
    bad = own_migrations / f"{number:04}_bad.sql"
    bad.write_text("CREATE TABLE half (id INTEGER);\nINSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(DatabaseError, match="nowhere"):
        await Database.open(path)
    assert tables(path) == before
    bad.write_text("CREATE TABLE half (id INTEGER);\n")
    await (await Database.open(path)).close()
    assert tables(path) == before | {"half"}


async def test_a_file_of_a_newer_program_is_refused(tmp_path, own_migrations):
    path = tmp_path / "jokebot.sqlite3"
    newer = own_migrations / f"{len(migrations()) + 1:04}_newer.sql"
    newer.write_text("CREATE TABLE newer (id INTEGER);\n")
    await (await Database.open(path)).close()
    newer.unlink()
    with pytest.raises(DatabaseError, match="newer Jokebot"):
        await Database.open(path)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "jokebot.sqlite3"
    path.write_bytes(b"this is no database at all, but long enough to look like one" * 40)
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="can't be opened"):
        await Database.open(path)
    assert path.read_bytes() == before


async def test_several_processes_may_open_a_new_file_at_once(tmp_path):
    opened = await asyncio.gather(*(Database.open(tmp_path / "jokebot.sqlite3") for _ in range(8)))
    assert [await database.value("SELECT count(*) FROM migrations") for database in opened] == [len(migrations())] * 8
    for database in opened:
        await database.close()


async def insert(connection, number: int) -> None:
    await connection.execute("INSERT INTO inbox (update_id, received_at) VALUES (?, 0)", (number,))


async def test_an_exception_takes_the_whole_transaction_back(database):
    with pytest.raises(ZeroDivisionError):
        async with database.write() as connection:
            await insert(connection, 1)
            raise ZeroDivisionError
    async with database.write() as connection:
        await insert(connection, 2)
    assert [row[0] for row in await database.rows("SELECT update_id FROM inbox")] == [2]


async def test_readers_see_only_what_is_committed(database):
    async with database.write() as connection:
        await insert(connection, 1)
        assert await database.value("SELECT count(*) FROM inbox") == 0
    assert await database.value("SELECT count(*) FROM inbox") == 1


async def test_writers_take_turns(database):
    async def write(number: int) -> None:
        async with database.write() as connection:
            await insert(connection, 2 * number)
            await asyncio.sleep(0)
            await insert(connection, 2 * number + 1)

    await asyncio.gather(*(write(number) for number in range(40)))
    assert await database.value("SELECT count(*) FROM inbox") == 80


async def test_a_cancelled_writer_takes_its_rows_back_and_blocks_nobody(database):
    inside = asyncio.Event()

    async def write() -> None:
        async with database.write() as connection:
            await insert(connection, 1)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.write() as connection:
        await insert(connection, 2)
    assert [row[0] for row in await database.rows("SELECT update_id FROM inbox")] == [2]


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 10, 30, 100, 300, 1000])
async def test_a_writer_cancelled_at_any_step_blocks_nobody(database, steps):
    async def write() -> None:
        async with database.write() as connection:
            await insert(connection, 1)

    task = asyncio.create_task(write())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with database.write() as connection:
        await insert(connection, 2)
    assert await database.value("SELECT count(*) FROM inbox WHERE update_id = 2") == 1


async def test_a_second_process_waits_for_the_lock_and_then_says_so(database):
    other = await Database.open(database.path, busy_timeout_s=0.05)
    async with database.write() as connection:
        await insert(connection, 1)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            async with other.write():
                pass
    async with other.write() as connection:
        await insert(connection, 2)
    await other.close()
    assert await database.value("SELECT count(*) FROM inbox") == 2


async def test_a_commit_survives_a_process_that_just_stops(tmp_path):
    """A copy of the files right after a commit is what a crash leaves behind."""
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    async with database.write() as connection:
        await insert(connection, 1)
    (tmp_path / "crashed").mkdir()
    for file in tmp_path.glob("jokebot.sqlite3*"):
        shutil.copy(file, tmp_path / "crashed" / file.name)
    await database.close()
    recovered = await Database.open(tmp_path / "crashed" / "jokebot.sqlite3")
    assert await recovered.value("SELECT count(*) FROM inbox") == 1
    await recovered.close()


async def test_a_young_database_whose_log_is_lost_is_said_to_be_so_and_nothing_is_made_anew(tmp_path):
    """Copied without its -wal file, as by a user who saw one file grow."""
    database = await Database.open(tmp_path / "data" / "jokebot.sqlite3")
    await add_updates(database, [{"update_id": 1}])
    there = tmp_path / "there"
    (there / "photos" / "ab").mkdir(parents=True)
    copy = Path(shutil.copy(database.path, there))
    with pytest.raises(DatabaseError, match="jokebot.sqlite3-wal is missing"):
        await Database.open(copy)
    shutil.copy(f"{database.path}-wal", there)
    await database.close()
    found = await Database.open(copy)
    assert await found.value("SELECT count(*) FROM inbox") == 1
    await found.close()


async def test_an_empty_file_in_an_unused_folder_is_a_new_database(tmp_path):
    (tmp_path / "jokebot.sqlite3").write_bytes(b"")
    (tmp_path / "photos").mkdir()
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    assert await database.value("SELECT count(*) FROM migrations") > 0
    await database.close()
