"""Runs a command and ends it when the parent of this process ends. Why a pipe: bot/runtime/child_process.py.

The parent holds the other end of this process's standard input and never writes to it. When the parent closes it, or
ends in any way, the read returns; then the command and all processes of its group are ended. If this process itself is
killed, PR_SET_PDEATHSIG ends the command: this process starts it from its main thread. Standard library only.

usage: python -I -S parent_watchdog.py GRACE_S COMMAND [ARGUMENT…]      (GRACE_S: seconds between SIGTERM and SIGKILL)
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""
CANNOT_START = 127
"""The exit code of a shell for a command that can't be started."""


def die_with_parent() -> None:
    """Called in the child between fork and exec: SIGKILL when this process ends. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def end_with_parent(child: subprocess.Popen[bytes], grace_s: float) -> None:
    """Wait for the end of standard input, then send the child SIGTERM, and SIGKILL after `grace_s` seconds."""
    os.read(0, 1)
    signal_group(child, signal.SIGTERM)
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        signal_group(child, signal.SIGKILL)


def main(grace_s: float, command: list[str]) -> int:
    """Run the command until it ends; returns its exit code, 128 + signal, or 127 if it can't be started."""
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=die_with_parent)
    except OSError as error:
        print(f"{command[0]} can't be started: {error.strerror}", file=sys.stderr)
        return CANNOT_START
    threading.Thread(target=end_with_parent, args=(child, grace_s), daemon=True).start()
    code = child.wait()
    # End the processes that the child left behind in its group.
    signal_group(child, signal.SIGKILL)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
