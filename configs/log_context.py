"""Log lines as text or JSON, with the context of each: the request id of the update, and the run.

Both are context variables: the caller that starts the work sets them, and all tasks and threads of the work inherit
them. The serve environment imports this module too, so it uses only the standard library.
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
"""The HTTP header that carries a request id to an engine."""
REQUEST: ContextVar[str] = ContextVar("request", default="")
RUN: ContextVar[int | None] = ContextVar("run", default=None)
SAFE_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
TEXT_PREFIX = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +[\w.]+(?: \[[^\]]*\])?: ")


def request_id(update_id: int) -> str:
    """The request id of an update, eight characters.

    It is computed from the update's id, so it stays the same when a restarted bot resumes the work.
    """
    return base64.b32encode(hashlib.blake2b(str(update_id).encode(), digest_size=5).digest()).decode().lower()


def accepted(text: str | None) -> str:
    """A request id of another process, or "" if it contains characters that could forge a log line."""
    return text if text and SAFE_REQUEST_ID.fullmatch(text) else ""


@contextmanager
def about(*, request: str | None = None, run: int | None = None) -> Iterator[None]:
    """Set the context of the block's log lines; None leaves a variable unchanged."""
    request_token = None if request is None else REQUEST.set(request)
    run_token = None if run is None else RUN.set(run)
    try:
        yield
    finally:
        if request_token:
            REQUEST.reset(request_token)
        if run_token:
            RUN.reset(run_token)


class ContextFormatter(logging.Formatter):
    """Formats a record as a line of text (the traceback below it) or of JSON. `clean` removes secrets from a text."""

    def __init__(self, format: str = "text", clean: Callable[[str], str] = str) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s%(about)s: %(message)s")
        self.json = format == "json"
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        if self.json:
            return self._as_json(record)
        context = [REQUEST.get(), *([f"run {run}"] if (run := RUN.get()) is not None else [])]
        record.about = f" [{' '.join(filter(None, context))}]" if any(context) else ""
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
    """The message of a line of text or JSON; another program's line is returned unchanged."""
    if line.startswith("{"):
        try:
            return str(json.loads(line)["message"])
        except (ValueError, KeyError, TypeError):
            return line
    return TEXT_PREFIX.sub("", line, count=1)
