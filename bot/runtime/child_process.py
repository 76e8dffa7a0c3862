"""Starts a part of Jokebot as a child process, waits until it says that it is ready, and ends it.

The child runs under `bot/engine/guardian.py`, which ends it when this process ends in whatever way. It has a session of
its own, so Ctrl-C in a terminal reaches this process alone, which then ends its children in order.
"""
import contextlib
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from configs.errors import JokebotError
from configs.log_lines import message_in

GUARDIAN = Path(__file__).with_name("guardian.py")
READY = re.compile(r"(?:listening on|Chat page:)\s+(?P<url>https?://\S+?)/?\s*$|: ready as ")
"""What the engines, the sandbox and the bot print when they are ready; the first two say where they listen."""
LINES_SHOWN = 15


class Log:
    """A file that takes what a child prints; past `most_bytes` it becomes `NAME.1`, in place of the one before, and begins anew."""

    def __init__(self, path: Path, most_bytes: int | None) -> None:
        self._path, self._most = path, most_bytes
        self._file: IO[bytes] = path.open("ab")
        self._bytes = self._file.tell()

    def write(self, line: bytes) -> None:
        """Keep a line. On a full disk it is lost: a child that nobody reads would stand still."""
        with contextlib.suppress(OSError):
            self._write(line)

    def _write(self, line: bytes) -> None:
        if self._most and self._bytes and self._bytes + len(line) > self._most:
            self._file.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file, self._bytes = self._path.open("ab"), 0
        self._file.write(line)
        self._file.flush()
        self._bytes += len(line)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


class ChildError(JokebotError):
    """A child process ended, or was not ready in time; the message has its last lines."""


class Child:
    """A running child process; make one with `start_child`, and `stop` it (also as a `with` block)."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Log | None, grace_s: float) -> None:
        self.name = name
        self._process, self._log, self._grace_s = process, log, grace_s
        self._lines: deque[str] = deque(maxlen=LINES_SHOWN)
        self._changed = threading.Condition()
        self._ready: re.Match[str] | None = None
        self._ended = False
        self._reader = threading.Thread(target=self._read, name=f"log of {name}", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The guardian's process; the command and what it started are its descendants."""
        return self._process.pid

    @property
    def lines(self) -> list[str]:
        """What its last lines say; of log lines the message alone."""
        with self._changed:
            return [line for line in self._lines if line.strip()]

    def look(self) -> str | None:
        """The address in its ready line ("" where there is none in it), or None while it is not ready. Raises ChildError when it has ended."""
        with self._changed:
            if self._ended:
                raise ChildError(f"The {self.name} ended (code {self._process.wait()}).{self.last_words}")
            return None if self._ready is None else self._ready["url"] or ""

    def wait_ready(self, timeout_s: float = 180.0) -> str:
        """Wait until it prints its ready line; the address in it, without a slash at the end, or "".

        Raises ChildError when it ends before, or says nothing in time.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._ready is None:
                left = deadline - time.monotonic()
                if self._ended:
                    raise ChildError(f"The {self.name} ended (code {self._process.wait()}) before it was ready.{self.last_words}")
                if left <= 0:
                    raise ChildError(f"The {self.name} was not ready within {timeout_s:g} s.{self.last_words}")
                self._changed.wait(left)
            return self._ready["url"] or ""

    def stop(self) -> None:
        """End it: SIGTERM, after the grace SIGKILL. Returns when it is gone; twice does no harm."""
        self._process.stdin.close()
        try:
            self._process.wait(self._grace_s + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # Somebody who inherited the output may hold it open; what they would still say is not waited for.
        self._reader.join(1)

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _read(self) -> None:
        """Take all it prints, so that it never blocks on a full pipe."""
        with self._process.stdout as output:
            for line in iter(lambda: output.readline(65536), b""):
                if self._log:
                    self._log.write(line)
                text = line.decode("utf-8", "replace").rstrip()
                with self._changed:
                    self._lines.append(message_in(text))
                    self._ready = self._ready or READY.search(text)
                    self._changed.notify_all()
        if self._log:
            self._log.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def last_words(self) -> str:
        """Its last lines, to go on with a message; "" where it said nothing."""
        lines = "".join(f"\n  {line}" for line in self._lines if line.strip())
        return f" Its last lines:{lines}" if lines else ""


def start_child(name: str, command: Sequence[str], *, log: Path | None = None, log_bytes: int | None = None,
                environment: Mapping[str, str] | None = None, cwd: Path | None = None, grace_s: float = 10.0) -> Child:
    """Start a command; `name` is what people call it. All that it prints goes to the end of the file `log`, which takes
    `log_bytes` at most and leaves as many before them in a second file; None sets no bound.

    Raises ChildError (from wait_ready) where the command can't be started.
    """
    file = Log(log, log_bytes) if log else None
    process = subprocess.Popen([sys.executable, "-I", "-S", str(GUARDIAN), str(grace_s), *command], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                               env=None if environment is None else dict(environment), cwd=cwd)
    return Child(name, process, file, grace_s)
