"""A cache of slow reads, for pages that poll: the longer a read takes, the longer its value is kept."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
CACHE_FACTOR = 20
"""A value is kept this many times as long as its read took, so at most 1/20 of the time is spent on reads."""


class ThrottledCache(Generic[Key, Value]):
    """The last value of each key. Reads run one at a time, and for a key at most every `min_interval_s` seconds."""

    def __init__(self, min_interval_s: float = 0.0) -> None:
        self._min_interval_s = min_interval_s
        self._values: dict[Key, Value] = {}
        self._expires_at: dict[Key, float] = {}
        self._reading = asyncio.Lock()

    async def get(self, key: Key, read: Callable[[], Awaitable[Value]]) -> Value:
        """The cached value; it is read again with `read` once it has expired. Raises what `read` raises."""
        async with self._reading:
            started_at = time.monotonic()
            if started_at >= self._expires_at.get(key, 0.0):
                self._values[key] = await read()
                read_s = time.monotonic() - started_at
                self._expires_at[key] = time.monotonic() + max(self._min_interval_s, CACHE_FACTOR * read_s)
            return self._values[key]
