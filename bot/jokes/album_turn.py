"""The order of an album's answers: that of its photos, although each photo is an update of its own.

A photo waits at two points for the photos before it in its album: until they are stored, so that it doesn't overtake
them in the queue, and until they are answered or an answer to them has begun, before its own answer is sent. Both waits
are limited, because an earlier photo may hang, and none is held while a photo occupies the engine.
"""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

MAX_WAIT_S = 30.0


class AlbumTurn:
    """A photo's turn among those of its album, from its arrival until it is answered, as a context manager.

    `turns` are the album's open turns by message id; `message_id` is the photo's.
    """

    def __init__(self, turns: dict[int, "AlbumTurn"], message_id: int) -> None:
        self._turns, self._message_id = turns, message_id
        self._stored, self._answered = asyncio.Event(), asyncio.Event()

    def __enter__(self) -> Self:
        self._turns[self._message_id] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._turns.pop(self._message_id, None)
        self._stored.set()
        self._answered.set()

    async def enter_queue(self) -> None:
        """Wait until the photos before it are stored."""
        await self._wait([turn._stored for turn in self._before()])
        self._stored.set()

    async def wait_to_answer(self) -> None:
        """Wait until an answer to each photo before it has begun."""
        await self._wait([turn._answered for turn in self._before()])

    def mark_answered(self) -> None:
        """Let the photos after it be answered."""
        self._answered.set()

    def _before(self) -> list["AlbumTurn"]:
        return [turn for message_id, turn in self._turns.items() if message_id < self._message_id]

    async def _wait(self, events: list[asyncio.Event]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(MAX_WAIT_S):
                for event in events:
                    await event.wait()
