"""The limit of messages that are being sent to Telegram concurrently."""

import asyncio
import heapq
import itertools


class SendWindow:
    """A semaphore for `limit` messages; others wait by priority, then by order of arrival.

    bot/telegram/send_journal.py explains why sending is limited.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def open(self) -> bool:
        """Whether `acquire` would return without waiting."""
        return self._free > 0

    async def acquire(self, priority: int) -> None:
        """Wait for a slot. Call `release` afterwards."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give the slot to the next waiting message."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
