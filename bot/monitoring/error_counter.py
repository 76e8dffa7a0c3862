"""How many errors were logged lately: a figure that says whether somebody should read the log."""

import logging
import time
from collections import deque

DAY_S = 86400.0
MOST = 10_000


class ErrorCounter(logging.Handler):
    """Counts what is logged as an error or worse, and keeps nothing of it but the time."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.total = 0
        self.since = time.time()
        self._times: deque[float] = deque(maxlen=MOST)

    def emit(self, record: logging.LogRecord) -> None:
        self.total += 1
        self._times.append(time.time())

    def recent(self, seconds: float = DAY_S) -> int:
        """How many in the last so many seconds, since the start of this process."""
        return sum(at >= time.time() - seconds for at in list(self._times))
