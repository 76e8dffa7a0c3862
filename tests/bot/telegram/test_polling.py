"""The poller's offset: after a quiet week Telegram numbers updates at random, perhaps lower than before."""

import asyncio
import time

import pytest

from bot.telegram.polling import QuietPeriod, UpdatePoller
from storage.chat import inbox
from storage.database import Database
from tests.waiting import until


class Telegram:
    """Returns the updates from an offset on, as the Bot API's documentation says, and no others."""

    def __init__(self) -> None:
        self.updates: list[dict] = []
        self.offsets: list[int] = []

    async def raw_updates(self, offset: int, timeout_s: int) -> list[dict]:
        self.offsets.append(offset)
        await asyncio.sleep(0.01)
        return [update for update in self.updates if update["update_id"] >= offset]


class Receiver:
    """Stores updates and remembers their ids."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.received: list[int] = []

    async def receive(self, updates: list[dict]) -> None:
        self.received += await inbox.add_updates(self._database, updates)


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()


async def receive_update(database: Database, number: int, age_s: float) -> None:
    await inbox.add_updates(database, [{"update_id": number}])
    async with database.write() as connection:
        await connection.execute("UPDATE inbox SET received_at = ?", (time.time() - age_s,))


async def test_a_lower_id_after_a_quiet_week_with_a_restart_in_it_is_received(database):
    await receive_update(database, 900_000, inbox.OFFSET_LIFETIME_S - 1.0)  # a second of the quiet time is left
    telegram, receiver = Telegram(), Receiver(database)
    poller = asyncio.create_task(UpdatePoller(telegram, database, receiver, 1).run())
    await until(lambda: 0 in telegram.offsets)
    assert telegram.offsets[0] == 900_001
    telegram.updates = [{"update_id": 1234}]
    await until(lambda: telegram.offsets[-1] == 1235)
    assert receiver.received == [1234]
    poller.cancel()


async def test_pruning_keeps_the_newest_update_even_if_its_id_is_lower(database):
    await receive_update(database, 900_000, inbox.OFFSET_LIFETIME_S)
    await inbox.add_updates(database, [{"update_id": 1234}])
    await inbox.mark_finished(database, 900_000, 1234)
    assert await inbox.delete_finished(database, older_than_s=-1) == 1
    assert await inbox.next_offset(database) == 1235


def test_the_quiet_time_is_not_set_back_by_a_clock_that_is(monkeypatch):
    now = time.time()
    quiet = QuietPeriod(now - 100)
    monkeypatch.setattr(time, "time", lambda: now - 86400)
    assert 100 <= quiet.seconds < 200
    assert QuietPeriod(now).seconds < 100  # received in the future, as it seems
