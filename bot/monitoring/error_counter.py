"""Counts logged errors: the status report and the metrics show whether an admin should read the log."""

import logging
import time
from collections import deque

DAY_S = 86400.0
MAX_TIMES = 10_000


class ErrorCounter(logging.Handler):
    """Counts log records of level ERROR and above. It keeps only their times."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.total = 0
        self.since = time.time()
        self._times: deque[float] = deque(maxlen=MAX_TIMES)

    def emit(self, record: logging.LogRecord) -> None:
        self.total += 1
        self._times.append(time.time())

    def count_recent(self, seconds: float = DAY_S) -> int:
        """The number of errors in the last `seconds`, since the start of this process."""
        return sum(at >= time.time() - seconds for at in list(self._times))
