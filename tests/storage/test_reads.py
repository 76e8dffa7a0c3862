"""A task that has committed a row finds it, also during other tasks' reads."""

import asyncio

from storage.chat import inbox
from storage.database import Database


async def test_a_committed_row_is_seen_among_many_concurrent_reads(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    try:

        async def write_then_read(number: int) -> bool:
            await inbox.add_updates(database, [{"update_id": number}])
            return await database.value("SELECT 1 FROM inbox WHERE update_id = ?", (number,)) == 1

        async def read() -> None:
            for _ in range(20):
                await database.rows("SELECT * FROM inbox ORDER BY update_id")

        seen = await asyncio.gather(*(write_then_read(number) for number in range(100)), *(read() for _ in range(10)))
    finally:
        await database.close()
    assert all(seen[:100])
