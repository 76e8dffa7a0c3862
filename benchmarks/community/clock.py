"""The simulated clock: `time.time` of the whole process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.community.world import DAY_S

START = 1_700_006_400.0
"""A midnight (UTC), seconds since 1970: the beginning of day 0."""


class SimulatedClock:
    """Seconds since 1970 that a simulation sets. While `installed`, it is the clock of the product's code."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replace `time.time` in this process for the length of a block. `time.monotonic` stays."""
        real = time.time
        time.time = self
        try:
            yield
        finally:
            time.time = real

    def advance(self, seconds: float) -> None:
        """Go to a time in seconds from the start; never backwards."""
        self.now = max(self.now, START + seconds)

    @property
    def day(self) -> float:
        """Days since the start."""
        return (self.now - START) / DAY_S
