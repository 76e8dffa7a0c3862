"""Executes a command with a nice value and with PDEATHSIG: SIGTERM when its parent dies. Standard library only.

usage: python -I -S exec_with_pdeathsig.py PARENT_PID NICE COMMAND [ARGUMENT…]
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>.

The setting persists over exec (https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html).
"""


def main(parent: int, nice: int, command: list[str]) -> None:
    os.nice(nice)
    # SIGTERM rather than SIGKILL, so that a training writes a checkpoint before it ends.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(143)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
