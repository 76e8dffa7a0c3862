"""A cached value is read again once it has expired, with one read at a time."""

import asyncio

import pytest

from bot.runtime import throttled_cache
from bot.runtime.throttled_cache import ThrottledCache


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(throttled_cache, "time", clock)
    return clock


def reader(clock: Clock, takes_s: float, *values: str):
    left = list(values)

    async def read() -> str:
        clock.now += takes_s
        await asyncio.sleep(0)
        return left.pop(0)

    return read


async def test_it_rests_twenty_times_as_long_as_reading_took(clock):
    value, read = ThrottledCache[str, str](), reader(clock, 2.0, "first", "second")
    assert await value.get("key", read) == "first"
    clock.now += 39.9
    assert await value.get("key", read) == "first"
    clock.now += 0.2
    assert await value.get("key", read) == "second"


async def test_one_read_serves_all_who_ask_meanwhile_and_keys_are_apart(clock):
    value, read, other = (
        ThrottledCache[str, str](1.0),
        reader(clock, 0.0, "first", "second"),
        reader(clock, 0.0, "other"),
    )
    assert await asyncio.gather(*(value.get("key", read) for _ in range(5))) == ["first"] * 5
    assert await value.get("another", other) == "other"
    clock.now += 1.0
    assert await value.get("key", read) == "second"


async def test_a_read_that_fails_is_tried_again_by_the_next(clock):
    value = ThrottledCache[str, str]()

    async def fails() -> str:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        await value.get("key", fails)
    assert await value.get("key", reader(clock, 0.0, "now")) == "now"
