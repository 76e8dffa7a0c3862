"""One decoder: a child process that checks photos and can be killed. The other side is storage/media/decode_worker.py.

Its end with the bot has two causes: its standard input ends, and the kernel kills it with the main thread of the bot
(PR_SET_PDEATHSIG). bot/runtime/child_process.py compares the mechanisms.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from configs.errors import JokebotError
from configs.settings import ROOT
from storage.media.decode_worker import DecodeLimits
from storage.media.image_check import CheckedPhoto, PhotoError, PhotoTooLarge

CHUNK_BYTES = 1 << 20
"""What is written to a decoder at a time, so that a file is not copied whole into the pipe's buffer."""
WALL_FACTOR, START_S = 4.0, 10.0
"""A decode may last START_S, and so many seconds for each second of CPU time: the processor may be busy."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
"""Variables of the decoder's environment, besides Python's own: it knows no token."""
MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "1048576"}
"""Large pictures are mapped and given back to the system, so a decoder stays small between photos."""


class DecoderUnavailable(JokebotError):
    """No decoder process can be started."""


class DecoderDied(Exception):
    """The process ended, or was killed, while it worked on a photo."""


class DecoderProcess:
    """A running decoder for one photo at a time; `start_decoder` makes it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._process.pid

    async def check(self, data: bytes, limits: DecodeLimits) -> CheckedPhoto:
        """As `check_photo`, within the limits. Raises PhotoError, and DecoderDied where the process ended or hung.

        A cancelled check kills the process.
        """
        try:
            async with asyncio.timeout(START_S + limits.cpu_s * WALL_FACTOR):
                fields, photo = await self._exchange(data, limits)
            if "refused" in fields:
                raise PhotoTooLarge if fields["too_large"] else PhotoError(fields["refused"])
            return CheckedPhoto(data=photo, **fields)
        except PhotoError:
            raise
        except (OSError, EOFError, TimeoutError, ValueError, TypeError, KeyError) as error:
            if isinstance(error, OSError | EOFError) and not isinstance(error, TimeoutError):
                with suppress(TimeoutError):  # it is ending; a signal now would hide what ended it
                    await asyncio.wait_for(self._process.wait(), 1.0)
            await self.kill()
            raise DecoderDied(f"{type(error).__name__}, exit code {self._process.returncode}") from error
        except BaseException:
            await self.kill()
            raise

    async def kill(self) -> None:
        """End the process by force; returns when it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        await self._process.wait()

    async def _exchange(self, data: bytes, limits: DecodeLimits) -> tuple[dict[str, Any], bytes]:
        requests, replies = self._process.stdin, self._process.stdout
        assert requests and replies
        requests.write(json.dumps({**asdict(limits), "length": len(data)}).encode() + b"\n")
        view = memoryview(data)
        for start in range(0, len(data), CHUNK_BYTES):
            requests.write(view[start : start + CHUNK_BYTES])
            await requests.drain()
        fields = json.loads(await replies.readuntil(b"\n"))
        return fields, await replies.readexactly(fields.pop("length"))


async def start_decoder() -> DecoderProcess:
    """Start a process. Raises DecoderUnavailable. It takes 0.2 s until it reads its first request."""
    kept = {name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith("PYTHON")}
    command = (sys.executable, "-m", "storage.media.decode_worker", str(os.getpid()))
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=kept | MALLOC, stdin=pipe, stdout=pipe)
    except OSError as error:
        raise DecoderUnavailable(f"A decoder process can't be started: {error.strerror}.") from error
    return DecoderProcess(process)
