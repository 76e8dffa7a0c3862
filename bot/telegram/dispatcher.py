"""From the inbox into handlers: an update is a committed row first, then a task, then a finished row.

A restart finds what was not finished in the inbox and takes it up again, without the replies that were sent already.
What was taken up before and still isn't finished goes a few at a time, then one at a time: one of them may be what ends
the process, and the others shall not be given up because of it. What doesn't fit stays in the table, so that a flood
costs disk and not memory. Pressed buttons never wait behind photos.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any

from bot.telegram.send_journal import journal_replies
from configs.log_context import about, request_id
from configs.settings import LimitSettings
from storage.chat import duels, inbox, jokes
from storage.chat.inbox import AnswerProgress
from storage.database import Database

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often an update is taken up from the inbox again before it is given up."""
REFILL_PAUSE_S = 0.02
SECOND_TRIES = 8
"""Updates that were taken up again once before and are in work at the same time; later tries go one by one."""
PAGE = 200

RESUME = "jokebot_resume"
"""The key under which an update that is taken up again has what was done for it (`storage.chat.inbox.AnswerProgress`).

Telegram has no key of that name."""

RawUpdate = dict[str, Any]
Handle = Callable[[RawUpdate], Awaitable[bool]]


class UpdateDispatcher:
    """Everything between the arrival of an update and the end of its handler.

    `handle` works on an update and says whether that went well; `give_up` apologises for one that failed ATTEMPTS
    times. `limits.concurrent_updates` are handled at a time, besides the photos that wait in the fair queue.
    """

    def __init__(self, database: Database, limits: LimitSettings, handle: Handle, give_up: Handle) -> None:
        self._database, self._handle, self._give_up = database, handle, give_up
        self._most = limits.concurrent_updates + limits.max_queued_photos
        self._work: dict[int, asyncio.Task[None]] = {}
        self._unfinished: set[int] = set()
        """In work, or ended and not marked so yet."""
        self._pressed = 0
        """Pressed buttons among those in work."""
        self._backlog = self._reading = False
        """Whether the table holds more than is in work, and whether it is just being read."""
        self._changed = asyncio.Event()
        self._ended: dict[bool, list[int]] = {False: [], True: []}
        """Numbers of updates to be marked as finished, and as failed."""
        # By whether it is a pressed button, which shall not wait behind photos.
        self._second = {False: asyncio.Semaphore(SECOND_TRIES), True: asyncio.Semaphore(SECOND_TRIES)}
        self._suspect = {False: asyncio.Lock(), True: asyncio.Lock()}
        self._feeder: asyncio.Task[None] | None = None
        self._finisher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what an earlier process left, pressed buttons first. Call it before the first `receive`."""
        after = -1
        while page := await inbox.list_pending_updates(self._database, after=after, limit=PAGE):
            after = page[-1][0]["update_id"]
            await self._take_up([row for row in page if is_pressed(row[0])])
            self._backlog |= not all(is_pressed(update) for update, _ in page)
        self._feeder = asyncio.create_task(self._feed())

    async def receive(self, updates: Sequence[RawUpdate]) -> None:
        """Commit updates, then start on those there is room for. When this returns, Telegram may forget them."""
        new = set(await inbox.add_updates(self._database, updates))
        for update in updates:
            if update["update_id"] not in new:
                continue
            with about(request=request_id(update["update_id"])):
                log.debug("update %d is in the inbox", update["update_id"])
            if is_pressed(update) or (self._room() > 0 and not self._backlog and not self._reading):
                self._begin(update)
            else:
                self._backlog = True
        if self._backlog:
            self._changed.set()
        while self._pressed >= self._most:
            self._changed.clear()
            await self._changed.wait()

    async def stop(self, grace_s: float) -> None:
        """Let handlers finish for that long; what isn't finished then stays in the inbox for the next start."""
        if self._feeder:
            self._feeder.cancel()
        if self._work:
            await asyncio.wait(self._work.values(), timeout=grace_s)
        left = list(self._work.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self._finisher:
            await self._finisher

    def _room(self) -> int:
        return self._most - (len(self._work) - self._pressed)

    def _begin(self, update: RawUpdate, attempts: int = 0, *, again: bool = False) -> None:
        number = update["update_id"]
        if number in self._unfinished:
            return
        self._unfinished.add(number)
        self._pressed += is_pressed(update)
        with about(request=request_id(number)):
            self._work[number] = asyncio.create_task(self._run(update, attempts, again))

    async def _run(self, update: RawUpdate, attempts: int, again: bool) -> None:
        number = update["update_id"]
        try:
            if attempts:
                async with (self._second if attempts == 1 else self._suspect)[is_pressed(update)]:
                    await inbox.count_attempts(self._database, number)
                    await self._persist([number], failed=not await self._attempt(update, attempts, again))
            else:
                self._finish(number, failed=not await self._attempt(update, attempts, again))
        except Exception:
            log.exception("update %d failed", number)
            self._finish(number, failed=True)
        finally:
            del self._work[number]
            self._pressed -= is_pressed(update)
            if self._backlog or self._pressed >= self._most - 1:
                self._changed.set()

    async def _attempt(self, update: RawUpdate, attempts: int, again: bool) -> bool:
        number = update["update_id"]
        if again and (
            await jokes.get_delivery_of_update(self._database, number)
            or await duels.is_duel_shown(self._database, number)
        ):
            return True
        begun = await inbox.get_progress(self._database, number) if again else AnswerProgress()
        # A joke that is stored only has to be shown, which takes no chances.
        hopeless = attempts >= ATTEMPTS and not begun.joke_id
        with journal_replies(self._database, number, begun.sent):
            handle = self._give_up if hopeless else self._handle
            return await handle({**update, RESUME: begun} if again else update)

    async def _take_up(self, rows: Sequence[tuple[RawUpdate, int]]) -> None:
        if fresh := [update["update_id"] for update, attempts in rows if not attempts]:
            await inbox.count_attempts(self._database, *fresh)
        for update, attempts in rows:
            self._begin(update, attempts, again=True)

    async def _feed(self) -> None:
        """Move updates from the table into work as room appears.

        While one is read from there, new ones queue behind it.
        """
        while True:
            if self._backlog and (room := min(self._room(), PAGE)) > 0:
                self._backlog, self._reading = False, True
                rows = await inbox.list_pending_updates(self._database, besides=self._unfinished, limit=room)
                self._reading = False
                self._backlog |= len(rows) == room
                await self._take_up([row for row in rows if not is_pressed(row[0])])
                await asyncio.sleep(REFILL_PAUSE_S)
            else:
                self._changed.clear()
                await self._changed.wait()

    def _finish(self, number: int, *, failed: bool) -> None:
        """Updates that end at the same time are finished in one transaction: each costs a wait for the disk."""
        self._ended[failed].append(number)
        if self._finisher is None or self._finisher.done():
            self._finisher = asyncio.create_task(self._finish_all(), context=Context())

    async def _finish_all(self) -> None:
        while any(self._ended.values()):
            for failed in (False, True):
                if numbers := self._ended[failed]:
                    self._ended[failed] = []
                    await self._persist(numbers, failed)

    async def _persist(self, numbers: list[int], failed: bool) -> None:
        """Until this is done the rows look unfinished, so they stay among those that are not handed out again."""
        for pause in (1.0, 5.0, 30.0, 0.0):
            try:
                await inbox.mark_finished(self._database, *numbers, failed=failed)
            except sqlite3.Error as error:
                log.error("%d finished updates can't be marked so: %s", len(numbers), error)
                await asyncio.sleep(pause)
            else:
                self._unfinished.difference_update(numbers)
                return


def is_pressed(update: RawUpdate) -> bool:
    """Whether the update is a pressed button, which a person expects an answer to at once."""
    return "callback_query" in update
