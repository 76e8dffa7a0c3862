"""Waits for a condition, with a timeout for busy machines."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

TIMEOUT_S = 200.0


async def until(condition: Callable[[], object | Awaitable[object]], seconds: float = TIMEOUT_S) -> None:
    """Wait until `condition()`, awaited if it is a coroutine, is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            result = condition()
            if await result if inspect.isawaitable(result) else result:
                return
            await asyncio.sleep(0.01)
