"""The SQLite file: open, migrate, read, write.

One connection writes; a lock keeps two tasks from sharing a transaction. Another connection reads the last committed
state (WAL). `synchronous=FULL` keeps every commit through a power cut
(https://www.sqlite.org/pragma.html#pragma_synchronous). `secure_delete` overwrites deleted content with zeros; the
write-ahead log keeps it until `truncate_log`.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiosqlite

from configs.errors import JokebotError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from configs.settings import StorageSettings

MIGRATIONS = Path(__file__).with_name("migrations")
USED_FOLDERS = ("photos", "datasets", "runs", "backups")
"""Folders beside the database that fill while the bot is used."""
RESTORE = "`jokebot restore` brings back the newest backup, and keeps this file beside it."

Parameters = Sequence[Any] | Mapping[str, Any]
"""Values for the places `?` of a query in order, or for its places `:name`."""


class DatabaseError(JokebotError):
    """The database can't be used; the message has the cause and the remedy."""


def as_database_error(path: Path, error: sqlite3.Error) -> DatabaseError:
    """SQLite's error as a DatabaseError with a message for users."""
    return DatabaseError(f"The database {path} can't be opened or read: {error}. If it is damaged: {RESTORE}")


class Database:
    """An open, migrated database.

    Use `Database.connect` as a block, or `Database.open` and then `close`: the connections' threads keep the process
    alive.
    """

    def __init__(self, path: Path, reader: aiosqlite.Connection, writer: aiosqlite.Connection) -> None:
        self.path = path
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, *, busy_timeout_s: float = 10.0) -> "Database":
        """Open or create the file and bring it up to the newest migration.

        Raises DatabaseError if it is damaged, locked for longer than the timeout, newer than this program, or empty
        because its write-ahead log is lost.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        existed = await asyncio.to_thread(path.exists)
        try:
            writer = await _connect(path, busy_timeout_s)
        except sqlite3.Error as error:
            raise as_database_error(path, error) from error
        try:
            if existed:
                await _refuse_lost_log(writer, path)
            await _migrate(writer, path)
            reader = await _connect(path, busy_timeout_s)
        except sqlite3.Error as error:
            await writer.close()
            raise as_database_error(path, error) from error
        except DatabaseError:
            await writer.close()
            raise
        return cls(path, reader, writer)

    @classmethod
    @asynccontextmanager
    async def connect(cls, storage: "StorageSettings") -> AsyncIterator["Database"]:
        """The settings' database, closed at the end of the block. Raises DatabaseError as `open` does."""
        database = await cls.open(storage.database, busy_timeout_s=storage.busy_timeout_s)
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[aiosqlite.Connection]:
        """A transaction: committed at the end, rolled back on any exception. Don't open one inside another."""
        async with self._lock:
            try:
                await self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                await self._writer.commit()
            except BaseException:
                # A cancelled BEGIN is still executed, and a commit can fail: neither may leave a transaction open.
                await self._writer.rollback()
                raise

    async def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """The first row of a query on the committed state, or None."""
        return next(iter(await self.rows(sql, parameters)), None)

    async def rows(self, sql: str, parameters: Parameters = ()) -> Iterable[sqlite3.Row]:
        """All rows of a query on the committed state.

        The query runs to its end in one step of the connection's thread. A cursor left open between two steps would
        keep an old snapshot for all readers of the connection, and a row just committed would be missing.
        """
        return await self._reader.execute_fetchall(sql, parameters)

    async def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row, or None."""
        row = await self.row(sql, parameters)
        return row[0] if row else None

    async def integers(
        self, sql: str, parameters: Parameters = (), *, columns: int, batch: int = 50_000
    ) -> "NDArray[np.int64]":
        """All rows of a query of integers as an array (n, columns), read in batches to save memory."""
        import numpy as np

        parts = []
        async with self._reader.execute(sql, parameters) as cursor:
            while rows := list(await cursor.fetchmany(batch)):
                values = (value for row in rows for value in row)
                parts.append(np.fromiter(values, np.int64, columns * len(rows)).reshape(-1, columns))
        return np.concatenate(parts) if parts else np.empty((0, columns), np.int64)

    async def truncate_log(self) -> bool:
        """Move the write-ahead log into the file and empty it, so that deleted content is in neither.

        Returns False if another connection was reading for longer than the busy timeout. Raises sqlite3.Error.
        """
        async with self._lock:
            busy = next(iter(await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")))[0]
        return not busy

    @asynccontextmanager
    async def separate_reader(self) -> AsyncIterator["Database"]:
        """The same database with its own reading connection, so that a slow query doesn't delay others."""
        reader = await _connect(self.path, busy_timeout_s=10.0)
        beside = Database(self.path, reader, self._writer)
        beside._lock = self._lock
        try:
            yield beside
        finally:
            await reader.close()

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()


def sqlite_integer(number: int) -> int:
    """The number, or the nearest that SQLite can store (64 bits)."""
    return max(-(2**63), min(number, 2**63 - 1))


def connect_read_only(path: Path, timeout_s: float = 5.0) -> sqlite3.Connection:
    """A connection that can't write. The path may contain characters that mean something in a URI. Blocks."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=timeout_s)


def check_file(path: Path) -> int:
    """Check a database file without changing it and return the number of ratings.

    Raises DatabaseError if it is damaged or not a Jokebot database. Blocks.
    """
    try:
        with closing(connect_read_only(path)) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
            ratings = connection.execute("SELECT count(*) FROM ratings").fetchone()[0]
    except sqlite3.Error as error:
        raise as_database_error(path, error) from error
    if verdict != "ok":
        raise DatabaseError(f"The database {path} is damaged: {verdict.splitlines()[-1]}. {RESTORE}")
    return ratings


async def _connect(path: Path, busy_timeout_s: float) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=busy_timeout_s)
    connection.row_factory = sqlite3.Row
    try:
        await _write_ahead(connection, time.monotonic() + busy_timeout_s)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            await connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        await connection.close()
        raise
    return connection


async def _refuse_lost_log(connection: aiosqlite.Connection, path: Path) -> None:
    """Raise DatabaseError for a file without tables in a data folder that has been used.

    SQLite moves the write-ahead log into the file once it has 4 MB, or at an orderly stop. Until then a young database
    is in its log alone, which is easily forgotten when files are copied.
    """
    async with connection.execute("SELECT count(*) FROM sqlite_master") as cursor:
        row = await cursor.fetchone()
    used = [name for name in USED_FOLDERS if next((path.parent / name).glob("*"), None)]
    if row and not row[0] and used:
        raise DatabaseError(
            f"The database {path} is empty, though the folder has been used ({', '.join(used)}): probably its "
            f"write-ahead log {path.name}-wal is missing. Copy that file here too. If it is gone: {RESTORE} To begin "
            f"anew, remove {path.name}."
        )


async def _write_ahead(connection: aiosqlite.Connection, deadline: float) -> None:
    """Switch to WAL. SQLite doesn't apply its timeout here when several processes switch a new file at once."""
    while True:
        try:
            await connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
        await asyncio.sleep(0.02)


def migrations() -> list[tuple[int, Path]]:
    """The numbered migrations, in order."""
    return sorted((int(file.name.split("_")[0]), file) for file in MIGRATIONS.glob("*.sql"))


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    """Apply missing migrations, each with its record in one transaction."""
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at REAL NOT "
        "NULL)"
    )
    available = migrations()
    for number, file in available:
        await connection.execute("BEGIN IMMEDIATE")
        try:
            async with connection.execute("SELECT 1 FROM migrations WHERE number = ?", (number,)) as cursor:
                if not await cursor.fetchone():
                    for statement in _statements(file.read_text(encoding="utf-8")):
                        await connection.execute(statement)
                    await connection.execute(
                        "INSERT INTO migrations VALUES (?, ?, ?)", (number, file.stem, time.time())
                    )
        except BaseException:
            await connection.rollback()
            raise
        await connection.commit()
    async with connection.execute("SELECT max(number) FROM migrations") as cursor:
        row = await cursor.fetchone()
    newest = row[0] if row else 0
    if newest > available[-1][0]:
        raise DatabaseError(
            f"The database {path} was made by a newer Jokebot (migration {newest}); update the program."
        )


def _statements(script: str) -> list[str]:
    """Split a migration into statements: `executescript` would commit and so end the transaction."""
    statements, rest = [], ""
    for line in script.splitlines(keepends=True):
        rest += line
        if sqlite3.complete_statement(rest):
            statements.append(rest)
            rest = ""
    return statements
