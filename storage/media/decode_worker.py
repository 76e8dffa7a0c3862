"""Checks photos, and makes stored ones smaller, in a process that the kernel ends when a file takes too much of it.

The bot starts it (decoder_pool.py) and sends one request after another over standard input; each is answered over
standard output before the next is read. A message is a line of JSON with the length of what follows, then the bytes. A
request has the limits of DecodeLimits, and `reduce` where a smaller picture is wanted. The process ends when its input
ends, and with its parent (PR_SET_PDEATHSIG: the parent starts it from its main thread).

usage: python -m storage.media.decode_worker PARENT_PID
"""

import ctypes
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from PIL import Image

from storage.media.image_check import PhotoError, PhotoTooLarge, check_photo
from storage.media.reduce import reduce_picture

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""
SLACK_BYTES = 96_000_000
"""Address space beyond the decoded picture: the file, a strip with its conversions, the encoded result, the heap."""


@dataclass(frozen=True)
class DecodeLimits:
    """What one file may cost: its bytes, its pixels, the memory of its decoding and the CPU time.

    A JPEG that would take more memory is decoded smaller where `reduces` is set.
    """

    max_bytes: int
    max_pixels: int
    memory_bytes: int
    cpu_s: float
    reduces: bool = True


def main(parent: int) -> None:
    """Answer requests until the input ends."""
    _prepare_process(parent)
    # The replies have this descriptor to themselves: what a library prints goes to standard error.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    while line := requests.readline():
        fields = json.loads(line)
        data, reduction = requests.read(fields.pop("length")), fields.pop("reduce", None)
        _answer(replies, data, DecodeLimits(**fields), reduction)


def _prepare_process(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the bot ends this process
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(limit, (0, 0))
    Image.preinit()


def _answer(replies: IO[bytes], data: bytes, limits: DecodeLimits, reduction: dict[str, Any] | None) -> None:
    try:
        with _bounded(limits):
            fields, photo = ({}, reduce_picture(data, **reduction)) if reduction else _check(data, limits)
    except PhotoError as error:
        fields, photo = {"refused": error.reason, "too_large": isinstance(error, PhotoTooLarge)}, b""
    replies.write(json.dumps({**fields, "length": len(photo)}).encode() + b"\n")
    replies.write(photo)
    replies.flush()


def _check(data: bytes, limits: DecodeLimits) -> tuple[dict[str, Any], bytes]:
    checked = check_photo(
        data,
        max_bytes=limits.max_bytes,
        max_pixels=limits.max_pixels,
        memory_bytes=limits.memory_bytes,
        reduces=limits.reduces,
    )
    fields = asdict(checked)
    return fields, fields.pop("data")


@contextmanager
def _bounded(limits: DecodeLimits) -> Iterator[None]:
    """Limits for one file. The kernel kills a process that has used up its CPU time, and gives it no more memory."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = math.ceil(used.ru_utime + used.ru_stime + limits.cpu_s)
    with suppress(ValueError, OSError):  # a lower limit of the system stays
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + limits.memory_bytes + SLACK_BYTES, hard))
    try:
        yield
    finally:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _address_space() -> int:
    """Bytes of this process's address space. Raises OSError where the system does not tell."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main(int(sys.argv[1]))
