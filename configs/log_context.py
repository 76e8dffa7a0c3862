"""Log lines as text or as JSON, and what each is about: the update that is worked on, and the run.

Both are context variables: whoever begins a piece of work says what it is about, and all tasks and threads that come of
it know. Processes that have nothing else of ours read this file too, so it needs Python alone.
"""

import base64
import hashlib
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

HEADER = "X-Request-Id"
"""The HTTP header that takes a request id to an engine."""
REQUEST: ContextVar[str] = ContextVar("request", default="")
RUN: ContextVar[int | None] = ContextVar("run", default=None)
ACCEPTED = re.compile(r"[\w.:-]{1,64}", re.ASCII)
TEXT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +[\w.]+(?: \[[^\]]*\])?: ")


def request_id(update_id: int) -> str:
    """The id of the work on an update, eight characters; the same after a restart, so what a kill cut in two keeps
    one.
    """
    return base64.b32encode(hashlib.blake2b(str(update_id).encode(), digest_size=5).digest()).decode().lower()


def accepted(text: str | None) -> str:
    """A request id that came from elsewhere; "" for one that could pass for something else in a log."""
    return text if text and ACCEPTED.fullmatch(text) else ""


@contextmanager
def about(*, request: str | None = None, run: int | None = None) -> Iterator[None]:
    """What log lines of the block are about; what is None stays as it is."""
    tokens = [
        (variable, variable.set(value)) for variable, value in ((REQUEST, request), (RUN, run)) if value is not None
    ]
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)


class ContextFormatter(logging.Formatter):
    """One record as a line of text (its traceback below it) or of JSON.

    `clean` takes out of each text what nobody may read.
    """

    def __init__(self, format: str = "text", clean: Callable[[str], str] = str) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s%(about)s: %(message)s")
        self.json = format == "json"
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        if self.json:
            return self._as_json(record)
        found = [REQUEST.get(), *([f"run {run}"] if (run := RUN.get()) is not None else [])]
        record.about = f" [{' '.join(filter(None, found))}]" if any(found) else ""
        return self._clean(super().format(record))

    def _as_json(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._clean(record.getMessage()),
            "request": REQUEST.get() or None,
            "run": RUN.get(),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = self._clean("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, ensure_ascii=False)


def message_in(line: str) -> str:
    """What a line of either form says, without the rest; another program's line as it is."""
    if line.startswith("{"):
        try:
            return str(json.loads(line)["message"])
        except (ValueError, KeyError, TypeError):
            return line
    return TEXT.sub("", line, count=1)
