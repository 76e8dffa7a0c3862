"""Runs child processes: parts of Jokebot (`start_child`), and programs that run to their end (`run_program`).

The processes of a retraining run, each the parent of the next:

    bot → parent_watchdog.py → `jokebot _pipeline N` → step (train, merge or evaluate) → torchrun → a worker a GPU

`start_pipeline` in bot/retraining/pipeline_process.py starts the pipeline, trainer/pipeline/step_process.py starts the
steps, and trainer/xtuner/torchrun.py starts torchrun where there are several GPUs. Model servers, the sandbox and the
parts of the demo are children of the first kind alone.

No process may outlive its parent, however the parent ends, SIGKILL included. There are two mechanisms.

**A pipe**, for the children of the bot (parent_watchdog.py). The bot holds the other end of the watchdog's standard
input and writes nothing to it. The kernel closes it when the bot ends; then the watchdog sends SIGTERM to the child's
process group, and SIGKILL after the grace. PR_SET_PDEATHSIG is not enough here: the bot has threads, and that signal
comes when the *thread* that started the child ends. It would need code between fork and exec of a threaded program,
and it does not reach grandchildren (LMDeploy starts some).

**PR_SET_PDEATHSIG with SIGTERM**, for the steps of a run (trainer/pipeline/exec_with_pdeathsig.py). The pipeline starts
its steps from its main thread, which ends with the process, and the script sets the signal after exec. It is SIGTERM
and not SIGKILL, so that a training writes its checkpoint and no hours are lost; the step passes it on to torchrun, and
torchrun to its workers. A step has a process group of its own, so the watchdog's SIGKILL to the pipeline's group does
not reach it. It inherits the lock on the folder of runs, so a new pipeline waits until orphaned steps have exited.

Both are scripts for `python -I -S` and import only the standard library, so that they start in milliseconds.
tests/bot/runtime/test_parent_death.py checks that the constant they share is the same in both.
"""

import asyncio
import contextlib
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from configs.errors import JokebotError
from configs.log_context import message_in
from configs.settings import ROOT

PARENT_WATCHDOG = Path(__file__).with_name("parent_watchdog.py")
STOP_GRACE_S = 10.0
"""Default seconds between SIGTERM and SIGKILL."""
WATCHDOG_MARGIN_S = 5.0
"""Seconds beyond the child's grace before the watchdog itself is killed."""
READY_LINE = re.compile(r"(?:listening on|Chat page:)\s+(?P<url>https?://\S+?)/?\s*$|: ready as ")
"""The line that engines, the sandbox and the bot print when they are ready; the first two print their address."""
TAIL_LINES = 15
LINE_BYTES = 65536


class ChildFailed(JokebotError):
    """A child process ended, or was not ready in time; the message has its last lines."""


class RotatingOutputFile:
    """A file for a child's output. At `max_bytes` it is renamed to `NAME.1`, replacing that, and a new one begins."""

    def __init__(self, path: Path, max_bytes: int | None) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._file: IO[bytes] = path.open("ab")
        self._bytes = self._file.tell()

    def write(self, line: bytes) -> None:
        """Append a line. On a full disk the line is lost: a child whose output is not read would block."""
        with contextlib.suppress(OSError):
            self._write(line)

    def _write(self, line: bytes) -> None:
        if self._max_bytes and self._bytes and self._bytes + len(line) > self._max_bytes:
            self._file.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file, self._bytes = self._path.open("ab"), 0
        self._file.write(line)
        self._file.flush()
        self._bytes += len(line)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


class ChildProcess:
    """A running child process under the parent watchdog; `start_child` makes it, `stop` or a `with` block ends it.

    It has its own session, so Ctrl-C in a terminal reaches only this process, which then stops its children in order.
    """

    def __init__(
        self, name: str, process: subprocess.Popen[bytes], output_file: RotatingOutputFile | None, grace_s: float
    ) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process needs pipes for its input and output")
        self.name = name
        self._stdin, self._stdout = process.stdin, process.stdout
        self._process, self._output_file, self._grace_s = process, output_file, grace_s
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._changed = threading.Condition()
        self._ready: re.Match[str] | None = None
        self._ended = False
        self._reader = threading.Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The watchdog's process id; the command and its child processes are descendants."""
        return self._process.pid

    @property
    def last_lines(self) -> list[str]:
        """The last lines of output without blank ones; of a log line only the message."""
        with self._changed:
            return [line for line in self._lines if line.strip()]

    @property
    def output_tail(self) -> str:
        """The last lines of output, to append to an error message; "" if there are none."""
        lines = "".join(f"\n  {line}" for line in self._lines if line.strip())
        return f" Its last lines:{lines}" if lines else ""

    def ready_url(self) -> str | None:
        """The address in the ready line ("" for a ready line without one); None while the child is not ready.

        Raises ChildFailed if the child has ended.
        """
        with self._changed:
            if self._ended:
                raise ChildFailed(f"The {self.name} ended (code {self._process.wait()}).{self.output_tail}")
            return None if self._ready is None else self._ready["url"] or ""

    def wait_ready(self, timeout_s: float = 180.0) -> str:
        """Wait for the ready line; returns the address in it, without a final slash, or "".

        Raises ChildFailed if the child ends before, or is not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._ready is None:
                left_s = deadline - time.monotonic()
                if self._ended:
                    code = self._process.wait()
                    raise ChildFailed(f"The {self.name} ended (code {code}) before it was ready.{self.output_tail}")
                if left_s <= 0:
                    raise ChildFailed(f"The {self.name} was not ready within {timeout_s:g} s.{self.output_tail}")
                self._changed.wait(left_s)
            return self._ready["url"] or ""

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL after the grace. Returns once the child has exited; a second call does nothing."""
        self._stdin.close()
        try:
            self._process.wait(self._grace_s + WATCHDOG_MARGIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # A descendant may hold the inherited output open; don't wait for its output.
        self._reader.join(1)

    def __enter__(self) -> "ChildProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _read(self) -> None:
        """Read all the output, so that the child never blocks on a full pipe."""
        with self._stdout as output:
            for line in iter(lambda: output.readline(LINE_BYTES), b""):
                if self._output_file:
                    self._output_file.write(line)
                text = line.decode("utf-8", "replace").rstrip()
                with self._changed:
                    self._lines.append(message_in(text))
                    self._ready = self._ready or READY_LINE.search(text)
                    self._changed.notify_all()
        if self._output_file:
            self._output_file.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def start_child(
    name: str,
    command: Sequence[str],
    *,
    log: Path | None = None,
    log_bytes: int | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    grace_s: float = STOP_GRACE_S,
) -> ChildProcess:
    """Start a command; `name` is for error messages.

    Its output is appended to the file `log`, of at most `log_bytes` (None: no limit), with a second file of as many
    older bytes. A command that can't be started raises ChildFailed from `wait_ready`.
    """
    output_file = RotatingOutputFile(log, log_bytes) if log else None
    watched = [sys.executable, "-I", "-S", str(PARENT_WATCHDOG), str(grace_s), *command]
    process = subprocess.Popen(
        watched,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=None if environment is None else dict(environment),
        cwd=cwd,
    )
    return ChildProcess(name, process, output_file, grace_s)


@dataclass(frozen=True)
class CompletedProgram:
    """A program that has ended: its exit code and output."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def last_error_line(self) -> str:
        """The last line of stderr; "" if that is empty."""
        return (self.stderr.strip().splitlines() or [""])[-1]


async def run_program(
    command: Sequence[str], environment: Mapping[str, str], timeout_s: float, stdin: bytes = b""
) -> CompletedProgram:
    """Run a command in Jokebot's folder until it ends, with `stdin` as its standard input.

    Raises OSError if it can't be started and TimeoutError after `timeout_s` seconds; no process is left running.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=dict(environment), stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(timeout_s):
            stdout, stderr = await process.communicate(stdin)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return CompletedProgram(process.returncode or 0, stdout, stderr.decode("utf-8", "replace"))
