"""Events of the sandbox's state, for listeners (the page's WebSockets) and for tests that wait for a condition."""

import asyncio
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
Listener = Callable[[Event], None]


class EventStream:
    """Calls every listener with each event and wakes all callers of `wait_next`."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self._waiting: list[asyncio.Future[None]] = []

    def emit(self, event: Event) -> None:
        """Publish an event: `{"type": …, "chat_id": …, …}`."""
        for listener in list(self.listeners):
            listener(event)
        self.wake()

    def wake(self) -> None:
        """Wake all callers of `wait_next` without an event; for changes outside the chats."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait_next(self) -> None:
        """Return at the next `emit` or `wake`."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future
