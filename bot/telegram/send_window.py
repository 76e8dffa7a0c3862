"""How many messages may be on their way to Telegram at a time."""

import asyncio
import heapq
import itertools


class SendWindow:
    """Lets `limit` messages be on their way at a time, the others by priority and then by order of arrival.

    The journal of what was sent (bot/telegram/send_journal.py) says why.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def open(self) -> bool:
        """Whether a message could go now without waiting."""
        return self._free > 0

    async def acquire(self, priority: int) -> None:
        """Wait for a place. `release` has to follow."""
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
        """Give the place to the message that is next."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
