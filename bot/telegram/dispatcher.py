"""From the inbox into handlers: an update is a committed row first, then a task, then a finished row.

A restart resumes unfinished updates from the inbox, without the replies that were sent before. Updates that were
resumed before run a few at a time, later one at a time: one of them may crash the process, and the others must not be
abandoned because of it. Updates beyond the limit stay in the table, so a flood costs disk and not memory. Button
presses never wait behind photos. While the database or the disk takes no writes, updates in work wait and are then
handled again.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import Context
from functools import partial
from typing import Any

from bot.telegram.send_journal import journal_replies
from bot.telegram.senders import normalize_senders
from bot.telegram.update_check import known_id, malformed_reason
from bot.telegram.write_access import TOPIC
from configs.log_context import about, request_id
from configs.settings import LimitSettings
from storage.chat import duels, inbox, jokes
from storage.chat.inbox import AnswerProgress
from storage.database import Database
from storage.write_retry import is_temporary, pauses, repeat_write

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often an update is resumed before it is abandoned."""
REFILL_PAUSE_S, RETRY_PAUSE_S = 0.02, 5.0
"""Between two reads of the table; the second after a read that failed."""
SECOND_TRIES = 8
"""Concurrent updates among those that were resumed once before; later tries run one by one."""
PAGE = 200

RESUME = "jokebot_resume"
"""The key in a resumed update for what was done for it before (`storage.chat.inbox.AnswerProgress`).

Telegram has no key of that name.
"""

RawUpdate = dict[str, Any]
Handle = Callable[[RawUpdate], Awaitable[bool]]


class UpdatePostponed(Exception):
    """The handler could not store a result now: the update has to be handled again later."""


class UpdateDispatcher:
    """Receives updates, runs their handlers and marks them as finished.

    `handle` handles an update and returns whether it succeeded, or raises UpdatePostponed; `abandon` apologises for one
    that was resumed ATTEMPTS times. `limits.concurrent_updates` are handled at a time, besides the photos that wait in
    the fair queue.
    """

    def __init__(self, database: Database, limits: LimitSettings, handle: Handle, abandon: Handle) -> None:
        self._database, self._handle, self._abandon = database, handle, abandon
        self._max_in_work = limits.concurrent_updates + limits.max_queued_photos
        self._work: dict[int, asyncio.Task[None]] = {}
        self._unfinished: set[int] = set()
        """Updates in work, or finished and not marked as such yet."""
        self._button_presses = 0
        """The number of button presses in work."""
        self._backlog = self._reading = False
        """Whether the table has updates that aren't in work, and whether it is being read."""
        self._changed, self._stopping = asyncio.Event(), asyncio.Event()
        self._finished: dict[bool, list[int]] = {False: [], True: []}
        """Ids of updates to mark as finished (False) or failed (True)."""
        # Keyed by whether it is a button press, which must not wait behind photos.
        self._second_tries = {False: asyncio.Semaphore(SECOND_TRIES), True: asyncio.Semaphore(SECOND_TRIES)}
        self._later_tries = {False: asyncio.Lock(), True: asyncio.Lock()}
        self._feeder: asyncio.Task[None] | None = None
        self._finisher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Resume what an earlier process left, button presses first. Call it before the first `receive`."""
        after = -1
        while page := await inbox.list_pending_updates(self._database, after=after, limit=PAGE):
            after = page[-1][0]["update_id"]
            await self._resume([row for row in page if is_button_press(row[0])])
            self._backlog |= not all(is_button_press(update) for update, _ in page)
        self._feeder = asyncio.create_task(self._feed())

    async def receive(self, updates: Sequence[RawUpdate]) -> None:
        """Commit updates, then start those within the limit. When this returns, Telegram may drop them."""
        updates = await self._set_aside_malformed(updates)
        new = set(await inbox.add_updates(self._database, updates))
        for update in updates:
            if update["update_id"] not in new:
                continue
            with about(request=request_id(update["update_id"])):
                log.debug("update %d is in the inbox", update["update_id"])
            if is_button_press(update) or (self._free_slots() > 0 and not self._backlog and not self._reading):
                self._begin(update)
            else:
                self._backlog = True
        if self._backlog:
            self._changed.set()
        while self._button_presses >= self._max_in_work:
            self._changed.clear()
            await self._changed.wait()

    async def _set_aside_malformed(self, updates: Sequence[Any]) -> list[RawUpdate]:
        """Record malformed updates as failed, without their content; returns the others, with their senders."""
        reasons = [(update, malformed_reason(update)) for update in updates]
        for update, reason in reasons:
            if reason:
                log.warning("update %s is malformed and set aside: %s", known_id(update), reason)
        numbers = [known_id(update) for update, reason in reasons if reason]
        await inbox.add_failed(self._database, [number for number in numbers if number is not None])
        good = [update for update, reason in reasons if not reason]
        for update in good:
            normalize_senders(update)
        return good

    def resume_stored(self) -> None:
        """Start updates that were put into the inbox by other means than `receive`, as slots become free."""
        self._backlog = True
        self._changed.set()

    async def stop(self, grace_s: float) -> None:
        """Wait up to `grace_s` seconds for handlers; unfinished updates stay in the inbox for the next start."""
        self._stopping.set()
        if self._feeder:
            self._feeder.cancel()
        if self._work:
            await asyncio.wait(self._work.values(), timeout=grace_s)
        left = list(self._work.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self._finisher:
            await asyncio.wait({self._finisher}, timeout=grace_s)
            self._finisher.cancel()

    def _free_slots(self) -> int:
        return self._max_in_work - (len(self._work) - self._button_presses)

    def _begin(self, update: RawUpdate, attempts: int = 0, *, resumed: bool = False) -> None:
        update_id = update["update_id"]
        if update_id in self._unfinished:
            return
        self._unfinished.add(update_id)
        self._button_presses += is_button_press(update)
        with about(request=request_id(update_id)):
            self._work[update_id] = asyncio.create_task(self._run(update, attempts, resumed))

    async def _run(self, update: RawUpdate, attempts: int, resumed: bool) -> None:
        update_id = update["update_id"]
        try:
            if attempts:
                async with (self._second_tries if attempts == 1 else self._later_tries)[is_button_press(update)]:
                    handled = await self._attempt_until_stored(update, attempts, resumed)
                    if handled is not None:
                        await self._persist([update_id], failed=not handled)
            elif (handled := await self._attempt_until_stored(update, attempts, resumed)) is not None:
                self._finish(update_id, failed=not handled)
        except Exception:
            log.exception("update %d failed", update_id)
            self._finish(update_id, failed=True)
        finally:
            del self._work[update_id]
            self._button_presses -= is_button_press(update)
            if self._backlog or self._button_presses >= self._max_in_work - 1:
                self._changed.set()

    async def _attempt_until_stored(self, update: RawUpdate, attempts: int, resumed: bool) -> bool | None:
        """Handle the update, again while its results can't be stored; whether it succeeded.

        None where the bot stops meanwhile: the update stays in the inbox.
        """
        update_id, sent, counted = update["update_id"], dict[int, int](), not attempts
        waits: Iterator[float] | None = None
        while True:
            try:
                if not counted:
                    await inbox.count_attempts(self._database, update_id)
                    counted = True
                return await self._attempt(update, attempts, resumed, sent)
            except (UpdatePostponed, sqlite3.Error) as error:
                if isinstance(error, sqlite3.Error) and not is_temporary(error):
                    raise
                waits = waits or pauses()
                log.info("update %d is handled again later: %s", update_id, error)
            resumed = True
            if await self._stops_within(next(waits)):
                return None

    async def _stops_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._stopping.wait()
        except TimeoutError:
            return False

    async def _attempt(self, update: RawUpdate, attempts: int, resumed: bool, sent: dict[int, int]) -> bool:
        """Handle the update; whether that succeeded. `sent`: replies of earlier attempts, by number."""
        update_id = update["update_id"]
        enter_topic(update)
        if resumed and (
            await jokes.get_delivery_of_update(self._database, update_id)
            or await duels.is_duel_shown(self._database, update_id)
        ):
            return True
        progress = await inbox.get_progress(self._database, update_id) if resumed else AnswerProgress()
        # A stored joke only has to be sent, which is safe to retry.
        hopeless = attempts >= ATTEMPTS and not progress.joke_id
        sent |= progress.sent
        with journal_replies(self._database, update_id, sent):
            handle = self._abandon if hopeless else self._handle
            return await handle({**update, RESUME: progress} if resumed else update)

    async def _resume(self, rows: Sequence[tuple[RawUpdate, int]]) -> None:
        if fresh := [update["update_id"] for update, attempts in rows if not attempts]:
            await inbox.count_attempts(self._database, *fresh)
        for update, attempts in rows:
            self._begin(update, attempts, resumed=True)

    async def _feed(self) -> None:
        """Start updates from the table as slots become free. New updates queue behind those being read."""
        while True:
            if self._backlog and (free := min(self._free_slots(), PAGE)) > 0:
                try:
                    await self._refill(free)
                    await asyncio.sleep(REFILL_PAUSE_S)
                except sqlite3.Error as error:
                    log.error("updates in the inbox can't be taken up: %s", error)
                    self._backlog = True
                    await asyncio.sleep(RETRY_PAUSE_S)
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _refill(self, free: int) -> None:
        self._backlog, self._reading = False, True
        try:
            rows = await inbox.list_pending_updates(self._database, besides=self._unfinished, limit=free)
        finally:
            self._reading = False
        self._backlog |= len(rows) == free
        await self._resume([row for row in rows if not is_button_press(row[0])])

    def _finish(self, update_id: int, *, failed: bool) -> None:
        """Mark an update as finished, in one transaction with others that end at the same time."""
        self._finished[failed].append(update_id)
        if self._finisher is None or self._finisher.done():
            self._finisher = asyncio.create_task(self._finish_all(), context=Context())

    async def _finish_all(self) -> None:
        while any(self._finished.values()):
            for failed in (False, True):
                if update_ids := self._finished[failed]:
                    self._finished[failed] = []
                    await self._persist(update_ids, failed)

    async def _persist(self, update_ids: list[int], failed: bool) -> None:
        """Mark rows as finished. Until then the updates stay in `_unfinished`, so that they are not started again."""
        mark = partial(inbox.mark_finished, self._database, *update_ids, failed=failed)
        try:
            await mark()
        except sqlite3.Error as first:
            try:
                await repeat_write(first, mark)
            except sqlite3.Error as error:
                log.error("%d finished updates can't be marked as such: %s", len(update_ids), error)
                return
        self._unfinished.difference_update(update_ids)


def is_button_press(update: RawUpdate) -> bool:
    """Whether the update is a button press, which has to be answered at once."""
    return "callback_query" in update


def enter_topic(update: RawUpdate) -> None:
    """Send what the current task sends to the update's chat into the update's topic, where it has one."""
    query = update.get("callback_query") or {}
    message = update.get("message") or update.get("edited_message") or query.get("message") or {}
    if message.get("is_topic_message") and message.get("message_thread_id"):
        TOPIC.set((message["chat"]["id"], message["message_thread_id"]))
