"""Between the inbox and the handlers: nothing is lost, nothing is done twice, and a flood waits on the disk."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.telegram import dispatcher
from bot.telegram.dispatcher import ATTEMPTS, RESUME, UpdateDispatcher, UpdatePostponed
from configs.settings import LimitSettings
from storage import write_retry
from storage.chat import inbox, jokes
from storage.database import Database


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()


class Desk:
    """Handlers that note what they got, and wait for `gate` where there is one."""

    def __init__(self, database: Database, **limits: int) -> None:
        self.seen: list[int] = []
        self.given_up: list[int] = []
        self.resumed: dict[int, inbox.AnswerProgress | None] = {}
        self.busy = self.busiest = 0
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None
        self.changed = asyncio.Event()
        self.database = database
        self.updates = UpdateDispatcher(database, LimitSettings(**limits), self.handle, self.give_up)

    async def handle(self, update: dict[str, Any]) -> bool:
        self.seen.append(update["update_id"])
        self.resumed[update["update_id"]] = update.get(RESUME)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        self.changed.set()
        try:
            if self.gate and "message" in update:
                await self.gate.wait()
            if self.error:
                raise self.error
        finally:
            self.busy -= 1
            self.changed.set()
        return True

    async def give_up(self, update: dict[str, Any]) -> bool:
        self.given_up.append(update["update_id"])
        return False

    async def until(self, condition: Callable[[], bool | Awaitable[bool]]) -> None:
        async with asyncio.timeout(30):
            while True:
                value = condition()
                if value if isinstance(value, bool) else await value:
                    return
                self.changed.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self.changed.wait()
                except TimeoutError:
                    pass

    async def nothing_is_pending(self) -> bool:
        return not await inbox.list_pending_updates(self.database)


def message(number: int) -> dict[str, Any]:
    return {"update_id": number, "message": {}}


def press(number: int) -> dict[str, Any]:
    return {"update_id": number, "callback_query": {}}


async def test_a_repeated_update_is_handled_once(database):
    desk = Desk(database)
    await desk.updates.start()
    await desk.updates.receive([message(1), message(2)])
    await desk.updates.receive([message(2), message(3)])
    await desk.until(desk.nothing_is_pending)
    assert sorted(desk.seen) == [1, 2, 3]


async def test_an_update_that_is_taken_up_again_brings_what_was_done_for_it(database):
    await inbox.add_updates(database, [message(1)])
    await inbox.record_message(database, 1, 41)
    desk = Desk(database)
    await desk.updates.start()
    await desk.updates.receive([message(2)])
    await desk.until(desk.nothing_is_pending)
    assert desk.resumed == {1: inbox.AnswerProgress(message_id=41, attempts=1), 2: None}


async def test_what_does_not_fit_waits_in_the_table_and_comes_in_order(database):
    desk = Desk(database, concurrent_updates=2, max_queued_photos=1)
    desk.gate = asyncio.Event()
    await desk.updates.start()
    await desk.updates.receive([message(number) for number in range(50)])
    await desk.until(lambda: desk.busy == 3)
    assert desk.seen == [0, 1, 2]
    assert len(await inbox.list_pending_updates(database)) == 50
    desk.gate.set()
    await desk.until(desk.nothing_is_pending)
    assert desk.seen == list(range(50))
    assert desk.busiest == 3


async def test_updates_with_lower_numbers_are_not_forgotten_behind_a_flood(database):
    desk = Desk(database, concurrent_updates=1, max_queued_photos=1)
    await desk.updates.start()
    await desk.updates.receive([message(number) for number in range(100, 120)])
    await desk.updates.receive([message(number) for number in range(20)])
    await desk.until(desk.nothing_is_pending)
    assert sorted(desk.seen) == [*range(20), *range(100, 120)]


async def test_pressed_buttons_never_wait_behind_photos(database):
    desk = Desk(database, concurrent_updates=1, max_queued_photos=1)
    desk.gate = asyncio.Event()
    await desk.updates.start()
    await desk.updates.receive([*(message(number) for number in range(10)), press(10)])
    await desk.until(lambda: 10 in desk.seen)
    desk.gate.set()
    await desk.until(desk.nothing_is_pending)
    assert sorted(desk.seen) == list(range(11))


async def test_what_was_left_is_taken_up_at_the_start_pressed_buttons_first(database):
    await inbox.add_updates(database, [message(1), message(2), press(3)])
    desk = Desk(database, concurrent_updates=1, max_queued_photos=1)
    await desk.updates.start()
    await desk.until(desk.nothing_is_pending)
    assert desk.seen[0] == 3
    assert sorted(desk.seen) == [1, 2, 3]


async def test_an_update_that_keeps_killing_the_bot_is_given_up(database):
    await inbox.add_updates(database, [message(1)])
    for _ in range(ATTEMPTS):
        desk = Desk(database)
        desk.gate = asyncio.Event()
        await desk.updates.start()
        await desk.until(lambda desk=desk: desk.busy == 1)
        await desk.updates.stop(0)
    desk = Desk(database)
    await desk.updates.start()
    await desk.until(desk.nothing_is_pending)
    assert (desk.seen, desk.given_up) == ([], [1])
    assert await database.value("SELECT state FROM inbox") == "failed"


async def test_a_photo_that_was_answered_before_the_crash_is_not_answered_again(database, monkeypatch):
    async def delivered(_: Database, update_id: int) -> bool:
        return update_id == 1

    monkeypatch.setattr(jokes, "get_delivery_of_update", delivered)
    await inbox.add_updates(database, [message(1), message(2)])
    desk = Desk(database)
    await desk.updates.start()
    await desk.until(desk.nothing_is_pending)
    assert desk.seen == [2]


async def test_an_update_whose_handler_raises_is_marked_failed_and_others_go_on(database):
    desk = Desk(database)
    desk.error = RuntimeError("a defect")
    await desk.updates.start()
    await desk.updates.receive([message(1)])
    await desk.until(desk.nothing_is_pending)
    desk.error = None
    await desk.updates.receive([message(2)])
    await desk.until(desk.nothing_is_pending)
    states = await database.rows("SELECT state FROM inbox ORDER BY update_id")
    assert [row["state"] for row in states] == ["failed", "done"]


async def test_an_update_whose_results_cannot_be_stored_is_handled_again_and_never_given_up(database, monkeypatch):
    monkeypatch.setattr(write_retry, "LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(write_retry, "FIRST_PAUSE_S", 0.01)
    desk = Desk(database)
    desk.error = UpdatePostponed()
    await desk.updates.start()
    await desk.updates.receive([message(1), press(2)])
    await desk.until(lambda: desk.seen.count(1) > ATTEMPTS + 2 and desk.seen.count(2) > ATTEMPTS + 2)
    assert await database.value("SELECT count(*) FROM inbox WHERE state = 'pending' AND attempts = 0") == 2
    desk.error = None
    await desk.until(desk.nothing_is_pending)
    assert not desk.given_up
    assert await database.value("SELECT count(*) FROM inbox WHERE state = 'done'") == 2


async def test_a_table_that_cannot_be_read_for_a_while_is_read_again(database, monkeypatch):
    monkeypatch.setattr(dispatcher, "RETRY_PAUSE_S", 0.01)
    failed, original = asyncio.Event(), inbox.count_attempts

    async def count_attempts(*_: object) -> None:
        failed.set()
        raise sqlite3.OperationalError("database is locked")

    desk = Desk(database, concurrent_updates=1, max_queued_photos=1)
    desk.gate = asyncio.Event()
    await desk.updates.start()
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "count_attempts", count_attempts)
        await desk.updates.receive([message(number) for number in range(4)])
        desk.gate.set()
        await asyncio.wait_for(failed.wait(), 30)
    assert inbox.count_attempts is original
    await desk.until(desk.nothing_is_pending)
    assert sorted(desk.seen) == [0, 1, 2, 3]


async def test_a_stop_lets_handlers_finish_and_leaves_the_rest_for_the_next_start(database):
    desk = Desk(database)
    desk.gate = asyncio.Event()
    await desk.updates.start()
    await desk.updates.receive([message(1)])
    await desk.until(lambda: desk.busy == 1)
    stopping = asyncio.create_task(desk.updates.stop(20))
    await asyncio.sleep(0)
    desk.gate.set()
    await stopping
    assert await desk.nothing_is_pending()

    desk.gate.clear()
    desk = Desk(database)
    desk.gate = asyncio.Event()
    await desk.updates.start()
    await desk.updates.receive([message(2)])
    await desk.until(lambda: desk.busy == 1)
    await desk.updates.stop(0.01)
    assert [update["update_id"] for update, _ in await inbox.list_pending_updates(database)] == [2]
