"""Waiting for what has to come, for as long as a busy machine may take."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

PATIENCE_S = 200.0


async def until(condition: Callable[[], object | Awaitable[object]], seconds: float = PATIENCE_S) -> None:
    """Wait until `condition()`, or what it returns to be awaited, is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.01)
