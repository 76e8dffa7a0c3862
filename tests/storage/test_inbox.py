"""The inbox remembers each update exactly once and never forgets the offset."""
import pytest

from storage import inbox
from storage.database import Database


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()


async def test_a_repeated_update_is_received_once(database):
    assert await inbox.receive(database, [{"update_id": 7}, {"update_id": 8}]) == [7, 8]
    assert await inbox.receive(database, [{"update_id": 8}, {"update_id": 9}]) == [9]
    assert [update["update_id"] for update, _ in await inbox.pending(database)] == [7, 8, 9]
    assert await inbox.next_offset(database) == 10


async def test_a_finished_update_is_not_pending_and_pruning_keeps_the_offset(database):
    await inbox.receive(database, [{"update_id": 1}, {"update_id": 2}])
    await inbox.finish(database, 1)
    await inbox.finish(database, 2)
    assert await inbox.pending(database) == []
    assert await inbox.prune(database, older_than_s=-1) == 1
    assert await inbox.next_offset(database) == 3


async def test_the_offset_follows_the_latest_update_even_when_numbers_start_anew(database):
    await inbox.receive(database, [{"update_id": 900}])
    async with database.write() as connection:
        await connection.execute("UPDATE inbox SET received_at = received_at - 7 * 86400")
    assert await inbox.next_offset(database) == 0
    await inbox.receive(database, [{"update_id": 5}])
    assert await inbox.next_offset(database) == 6


async def test_updates_already_in_work_are_not_handed_out_again(database):
    await inbox.receive(database, [{"update_id": number} for number in range(5)])
    await inbox.start(database, 1, 3)
    rows = await inbox.pending(database, besides={0, 2}, limit=2)
    assert [(update["update_id"], attempts) for update, attempts in rows] == [(1, 1), (3, 1)]
