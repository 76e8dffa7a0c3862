"""Runs a `jokebot` command as a step of the tutorial, in a process that ends with this one."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from types import FrameType

from bot.tutorial.course import CourseError, CourseStopped
from configs.child_environment import SETTINGS, child_environment
from configs.settings import ROOT

END_WITH_PARENT = ROOT / "trainer" / "pipeline" / "exec_with_pdeathsig.py"
"""The script by which a step gets SIGTERM when its parent dies, so that a training writes its checkpoint."""

HIDDEN = "--no-hint"
"""An option of `jokebot train` that isn't printed."""


def run_command(lock: int, *command: object, variables: Mapping[str, str] | None = None, collect: bool = False) -> str:
    """Print a command, run it, and return its last line of output if `collect` is set.

    The child inherits the descriptor `lock`. Ctrl-C and SIGTERM are passed to it once, as SIGTERM. Raises CourseStopped
    if it was stopped, CourseError if it failed; it has said why.
    """
    arguments = [str(part) for part in command]
    print(f"$ jokebot {shlex.join(argument for argument in arguments if argument != HIDDEN)}", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", END_WITH_PARENT, str(os.getpid()), "0", sys.executable, "-m", "bot", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if collect else None,
        text=True,
        env={**child_environment(SETTINGS), "PYTHONPATH": _python_path(), **(variables or {})},
        pass_fds=(lock,),
        # A group of its own: Ctrl-C in a terminal reaches this process alone, which passes it on.
        process_group=0,
    )
    stopped = False

    def pass_on(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        process.terminate()

    former = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        last = _echo(process)
        code = process.wait()
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if stopped:
        raise CourseStopped
    if code:
        raise CourseError(f"`jokebot {arguments[0]}` failed ({code}). Mend what it says; the same command continues.")
    return last


def _echo(process: subprocess.Popen[str]) -> str:
    """Print a process's output as it comes, and return its last line that is not blank."""
    last = ""
    for line in process.stdout or ():
        print(line, end="", flush=True)
        last = line.strip() or last
    return last


def _python_path() -> str:
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
