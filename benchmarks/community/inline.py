"""Runs a simulation in one thread: queries and computations happen where they are awaited.

aiosqlite has a thread for each connection, and the product moves its arithmetic to threads so that the chat goes on
meanwhile. A simulation has nothing else to do, and most of its time would go to the exchange between threads: 84 days
take a half of the processor's time without it. The results are the same.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

Step = tuple[asyncio.Future[Any] | None, Callable[[], Any]]


class InlineQueue:
    """In place of the queue to a connection's thread: a step is executed at once."""

    def put_nowait(self, step: Step) -> None:
        """Execute a step, and give its result or exception to its future."""
        future, function = step
        try:
            result = function()
        except Exception as error:  # noqa: BLE001  as in the thread: the future has it
            if future:
                future.set_exception(error)
        else:
            if future:
                future.set_result(result)


class NoThread:
    """In place of a connection's thread."""

    def __init__(self, **_: Any) -> None:
        pass

    def start(self) -> None:
        """Nothing to start."""


async def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """In place of `asyncio.to_thread`."""
    return function(*args, **kwargs)


@contextmanager
def one_thread() -> Iterator[None]:
    """Within a block, connections that are opened have no thread, and `asyncio.to_thread` calls at once."""
    with (
        patch("aiosqlite.core.SimpleQueue", InlineQueue),
        patch("aiosqlite.core.Thread", NoThread),
        patch("asyncio.to_thread", call),
    ):
        yield
