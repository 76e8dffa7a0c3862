"""What takes a time to read, read again only after a rest that is as many times as long: for pages that somebody
looks at all day.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
REST = 20
"""A twentieth of the time at most goes into reading."""


class ThrottledCache(Generic[Key, Value]):
    """Values by a key, the last ones that were read; one is read at a time, and none more often than every `least_s`
    seconds.
    """

    def __init__(self, least_s: float = 0.0) -> None:
        self._least_s = least_s
        self._values: dict[Key, Value] = {}
        self._again_at: dict[Key, float] = {}
        self._reading = asyncio.Lock()

    async def get(self, key: Key, read: Callable[[], Awaitable[Value]]) -> Value:
        """The value, by `read` where it has rested long enough; raises what `read` raises."""
        async with self._reading:
            began = time.monotonic()
            if began >= self._again_at.get(key, 0.0):
                self._values[key] = await read()
                self._again_at[key] = time.monotonic() + max(self._least_s, REST * (time.monotonic() - began))
            return self._values[key]
