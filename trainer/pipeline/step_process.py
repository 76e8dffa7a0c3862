"""Starts, monitors and stops a step's child process, and interprets its exit code."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.child_environment import SETTINGS, child_environment
from configs.errors import JokebotError
from configs.settings import ROOT

EXEC_SCRIPT = Path(__file__).with_name("exec_with_pdeathsig.py")
POLL_INTERVAL_S = 0.5
TOKENIZER_ONLY = ("USE_TORCH", "TRANSFORMERS_VERBOSITY", "TRANSFORMERS_NO_ADVISORY_WARNINGS")
"""Variables that trainer.dataset.token_budget sets for this process; a child that trains must not inherit them."""


class StepKilled(JokebotError):
    """A step was killed by a signal. It resumes when it is restarted."""


class StepFailed(JokebotError):
    """A step failed; the message is that of its process."""


@dataclass(frozen=True)
class StepProcesses:
    """Starts child processes with an inherited lock `descriptor` and a `nice` value.

    After SIGTERM a child has `grace_s` seconds to exit.
    """

    descriptor: int
    grace_s: float
    nice: int = 0

    async def run(
        self, command: Sequence[object], log: Path, watch: Callable[[], Awaitable[None]], folder: Path | None = None
    ) -> int:
        """Run a command, in `folder` if given, and return its exit code (negative: a signal).

        Its output is appended to `log`. `watch` is called every POLL_INTERVAL_S. If it raises or the task is cancelled,
        the child is stopped first. Raises StepFailed if there is no such program.
        """
        inherited = child_environment(SETTINGS)
        environment = {name: value for name, value in inherited.items() if name not in TOKENIZER_ONLY}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        wrapper = [sys.executable, "-I", "-S", EXEC_SCRIPT, os.getpid(), self.nice]
        words = [*wrapper, find_program(str(command[0]), folder), *command[1:]]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            # A new process group, so that a signal to this process's group doesn't also reach the child directly.
            process = await asyncio.create_subprocess_exec(
                *map(str, words),
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                pass_fds=(self.descriptor,),
                process_group=0,
            )
        try:
            while True:
                try:
                    return await asyncio.wait_for(process.wait(), POLL_INTERVAL_S)
                except TimeoutError:
                    await watch()
        finally:
            if process.returncode is None:
                await self.end(process)

    async def end(self, process: asyncio.subprocess.Process) -> None:
        """Send SIGTERM, after `grace_s` SIGKILL, and wait until the process has exited."""
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self.grace_s)
        except TimeoutError:
            # The process group includes the processes that it started.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def python_module(module: str, *arguments: object) -> list[object]:
    """The command `python -m MODULE ARGUMENTS` with this process's Python."""
    return [sys.executable, "-m", module, *arguments]


def find_program(name: str, folder: Path | None = None) -> str:
    """The absolute path of a program in PATH, or at a path relative to `folder`. Raises StepFailed."""
    found = shutil.which((folder or Path.cwd()) / name if os.sep in name else name)
    if found is None:
        what = f"there is no program {name} on this host"
        raise StepFailed(f"{what[0].upper()}{what[1:]}.", code="step", what=what)
    return found


def last_line(log: Path) -> str:
    """The last line of a child's output, without the program's name."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.removeprefix("jokebot: ") for line in reversed(lines) if line.strip()), "")


def check_exit_code(step: str, code: int, log: Path) -> None:
    """Raises StepKilled or StepFailed for an exit code that is not 0."""
    if code < 0:
        likely = " The machine was probably short of memory." if code == -signal.SIGKILL else ""
        name = signal.Signals(-code).name
        raise StepKilled(f"The {step} was ended by {name}.{likely}", code="killed", step=step, signal=name)
    if code:
        message = last_line(log)
        raise StepFailed(
            message or f"The {step} ended with code {code} and said nothing; see {log}.",
            code="step" if message else "silent",
            step=step,
            what=message or str(code),
        )
