"""Who watches the world: listeners (the page's sockets) and tests that wait for a condition."""

import asyncio
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
Listener = Callable[[Event], None]


class EventStream:
    """Hands each event to every listener and wakes all who wait."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self._waiting: list[asyncio.Future[None]] = []

    def emit(self, event: Event) -> None:
        """Tell everybody of an event: `{"type": …, "chat_id": …, …}`."""
        for listener in list(self.listeners):
            listener(event)
        self.touch()

    def touch(self) -> None:
        """Wake those who wait, without an event: something other than chats has changed."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def next(self) -> None:
        """Return at the next event."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future
