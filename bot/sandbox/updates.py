"""The queue of updates for the bot, with the semantics of Telegram's getUpdates.

An update stays until it is confirmed: by a getUpdates call with a higher offset, or by a webhook that answered 2xx.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from bot.sandbox.errors import ApiError

KEPT_S = 24 * 3600
LONGEST_POLL_S = 50
ON_REQUEST_ONLY = {"chat_member", "message_reaction", "message_reaction_count"}
POLLED_TWICE = "terminated by other getUpdates request; make sure that only one bot instance is running"

Update = dict[str, Any]


def first_number(now: float) -> int:
    """Where numbering starts: above all that an earlier sandbox gave out, for bots that remember it.

    `now` in seconds.
    """
    return int(now * 1000)


class UpdateQueue:
    """Updates in the order of their ids; at most one poller waits at a time."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._queue: deque[tuple[float, Update]] = deque()
        self._next_id = first_number(clock())
        self._poller: asyncio.Future[None] | None = None
        self._arrived = asyncio.Event()
        self.allowed: list[str] = []

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, kind: str, payload: dict[str, Any]) -> None:
        """Queue one update, unless the bot asked not to get its kind."""
        wanted = kind in self.allowed if self.allowed else kind not in ON_REQUEST_ONLY
        if not wanted:
            return
        now = self._clock()
        while self._queue and self._queue[0][0] < now - KEPT_S:
            self._queue.popleft()
        self._queue.append((now, {"update_id": self._next_id, kind: payload}))
        self._next_id += 1
        self._arrived.set()
        if self._poller and not self._poller.done():
            self._poller.set_result(None)

    def repeat(self, update: Update) -> None:
        """Queue an update again under its old id, as Telegram at times does after a confirmation got lost."""
        self._queue.appendleft((self._clock(), update))
        self._arrived.set()
        if self._poller and not self._poller.done():
            self._poller.set_result(None)

    async def get(self, offset: int = 0, limit: int = 100, timeout_s: float = 0) -> list[Update]:
        """Confirm what lies below `offset`, then return up to `limit` updates, waiting up to `timeout_s` for a first.

        A negative offset keeps that many of the newest. Raises Refusal 409 when another call takes over meanwhile.
        """
        if self._poller and not self._poller.done():
            self._poller.set_exception(ApiError(POLLED_TWICE, 409))
        self.confirm(offset)
        if not self._queue and timeout_s > 0:
            await self._wait(min(timeout_s, LONGEST_POLL_S))
        return [update for _, update in islice(self._queue, max(1, min(limit, 100)))]

    async def _wait(self, timeout_s: float) -> None:
        poller = self._poller = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await poller
        except TimeoutError:
            pass
        finally:
            if self._poller is poller:
                self._poller = None

    def confirm(self, offset: int) -> None:
        """Forget the updates below `offset`, or all but the newest `-offset`."""
        if offset < 0:
            while len(self._queue) > -offset:
                self._queue.popleft()
        while self._queue and self._queue[0][1]["update_id"] < offset:
            self._queue.popleft()

    def drop(self) -> None:
        """Forget every update."""
        self._queue.clear()

    async def first(self) -> Update:
        """The oldest update, as soon as there is one; it stays until it is confirmed."""
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue[0][1]

    def end_poll(self) -> None:
        """Let a waiting poller return at once, with nothing."""
        if self._poller and not self._poller.done():
            self._poller.set_result(None)
