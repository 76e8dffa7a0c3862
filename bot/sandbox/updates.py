"""The queue of updates for the bot, with the semantics of Telegram's getUpdates.

An update stays queued until it is confirmed by a getUpdates call with a higher offset or a webhook's answer 2xx.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from bot.sandbox.errors import ApiError

RETENTION_S = 24 * 3600
MAX_POLL_S = 50
ON_REQUEST_ONLY = {"chat_member", "message_reaction", "message_reaction_count"}
POLL_CONFLICT = "terminated by other getUpdates request; make sure that only one bot instance is running"

Update = dict[str, Any]


def first_number(now: float) -> int:
    """The first id to use: above the ids of all earlier sandboxes, because a bot may remember them.

    `now`: Unix time in seconds.
    """
    return int(now * 1000)


class UpdateQueue:
    """Updates by id; at most one poller waits at a time. `allowed`: the kinds in `allowed_updates`; empty: default."""

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
        """Queue an update unless the bot excluded its kind; drops updates older than a day."""
        wanted = kind in self.allowed if self.allowed else kind not in ON_REQUEST_ONLY
        if not wanted:
            return
        now = self._clock()
        while self._queue and self._queue[0][0] < now - RETENTION_S:
            self._queue.popleft()
        self._queue.append((now, {"update_id": self._next_id, kind: payload}))
        self._next_id += 1
        self._arrived.set()
        if self._poller and not self._poller.done():
            self._poller.set_result(None)

    def repeat(self, update: Update) -> None:
        """Queue an update again with its id, as Telegram may do after a lost confirmation."""
        self._queue.appendleft((self._clock(), update))
        self._arrived.set()
        if self._poller and not self._poller.done():
            self._poller.set_result(None)

    async def get(self, offset: int = 0, limit: int = 100, timeout_s: float = 0) -> list[Update]:
        """Confirm updates below `offset`, then return up to `limit`; waits up to `timeout_s` for the first.

        A negative offset confirms all but the newest `-offset`. Raises ApiError 409 if another poll takes over.
        """
        if self._poller and not self._poller.done():
            self._poller.set_exception(ApiError(POLL_CONFLICT, 409))
        self.confirm(offset)
        if not self._queue and timeout_s > 0:
            await self._wait(min(timeout_s, MAX_POLL_S))
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
        """Remove the updates below `offset`; for a negative offset, all but the newest `-offset`."""
        if offset < 0:
            while len(self._queue) > -offset:
                self._queue.popleft()
        while self._queue and self._queue[0][1]["update_id"] < offset:
            self._queue.popleft()

    def pending(self) -> list[tuple[float, Update]]:
        """The unconfirmed updates with the time of each."""
        return list(self._queue)

    def restore(self, pending: Iterable[tuple[float, Update]]) -> None:
        """Queue an earlier queue's unconfirmed updates before all others."""
        self._queue.extendleft((at, update) for at, update in reversed(list(pending)))
        self._arrived.set()

    def clear(self) -> None:
        """Remove every update."""
        self._queue.clear()

    async def first(self) -> Update:
        """Wait for the oldest update; it stays queued until it is confirmed."""
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue[0][1]

    def end_poll(self) -> None:
        """End a waiting poll at once, with no updates."""
        if self._poller and not self._poller.done():
            self._poller.set_result(None)
