"""Stands between a process and a child of it, so that the child never outlives its parent. Standard library alone.

The parent holds the other end of this process's standard input and never writes to it. When the parent closes it, or
ends in any way, SIGKILL and power tools included, the kernel closes it and reading returns: then the child and all that
it started in its process group are ended. A pipe rather than PR_SET_PDEATHSIG in the parent, because that signal comes
when the *thread* that started the child ends, needs code between fork and exec of a threaded program, and reaches no
grandchildren (LMDeploy starts one). Between this process and the child, where none of that applies, the signal guards
the case that this process itself is killed.

usage: python -I -S guardian.py GRACE_S COMMAND [ARGUMENT…]      (GRACE_S: seconds between SIGTERM and SIGKILL)
"""
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Runs in the child before its program starts: SIGKILL when this process is gone. Linux only; elsewhere the pipe is all."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def end_with_parent(child: subprocess.Popen[bytes], grace_s: float) -> None:
    """Wait for the end of standard input, then end the child: SIGTERM first, SIGKILL after the grace."""
    os.read(0, 1)
    signal_group(child, signal.SIGTERM)
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        signal_group(child, signal.SIGKILL)


def main(grace_s: float, command: list[str]) -> int:
    """Run the command to its end; its exit code, 128 + signal where one ended it, 127 where it can't be started."""
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=die_with_parent)
    except OSError as error:
        print(f"{command[0]} can't be started: {error.strerror}", file=sys.stderr)
        return 127
    threading.Thread(target=end_with_parent, args=(child, grace_s), daemon=True).start()
    code = child.wait()
    # What the child left behind in its group; by now it had its chance to end it properly.
    signal_group(child, signal.SIGKILL)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
