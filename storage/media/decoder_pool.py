"""The decoders: a few processes that check photos, kept warm, replaced when they die, and shared fairly.

A user has one photo at a decoder at a time, so a user with bombs leaves the other decoders to others. What does not fit
into LIGHT_BYTES is tried again with limits.photo_memory_mb, one such photo at a time. So the memory of all decoders
together is bounded: that of one large photo, and LIGHT_BYTES for each further decoder.

A decoder ends with the bot for two reasons: its standard input ends, and the kernel kills it with the main thread of
the bot (PR_SET_PDEATHSIG). bot/runtime/child_process.py compares the mechanisms. Its program is decode_worker.py.
"""

import asyncio
import hashlib
import json
import logging
import os
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from typing import Any
from weakref import WeakValueDictionary

from configs.errors import JokebotError
from configs.settings import ROOT, LimitSettings
from storage.media.decode_worker import DecodeLimits
from storage.media.image_check import CheckedPhoto, PhotoError, PhotoTooLarge

log = logging.getLogger(__name__)

LIGHT_BYTES = 48_000_000
"""Up to this much memory photos are decoded beside each other: an upright JPEG of 12 megapixels, a turned one of 6."""
STOP_GRACE_S = 2.0
"""How long a stop waits for photos that are being decoded. They stay in the inbox for the next start."""
MAX_REMEMBERED = 1000
"""Files that killed a decoder, by their hash, so that a copy is refused at once."""
CHUNK_BYTES = 1 << 20
"""What is written to a decoder at a time, so that a file is not copied whole into the pipe's buffer."""
WALL_FACTOR, START_S = 4.0, 10.0
"""A decode may last START_S, and so many seconds for each second of CPU time: the processor may be busy."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
"""Variables of the decoder's environment, besides Python's own: it knows no token."""
MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "1048576"}
"""Large pictures are mapped and given back to the system, so a decoder stays small between photos."""


Reduction = dict[str, Any]
"""Arguments of `reduce_picture`."""
NO_USER = 0
"""In place of a user: pictures that the bot itself needs."""


class DecoderUnavailable(JokebotError):
    """No decoder process can be started."""


class DecoderDied(Exception):
    """The process ended, or was killed, while it worked on a photo."""


class DecoderKilled(PhotoError):
    """A file used up the time or memory of its decoder, or crashed it."""

    def __init__(self) -> None:
        super().__init__("too_costly")


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

    async def work(
        self, data: bytes, limits: DecodeLimits, reduction: Reduction | None
    ) -> tuple[dict[str, Any], bytes]:
        """Check a photo, or reduce it; returns the fields of its CheckedPhoto (of a reduced one none) and its bytes.

        Raises PhotoError, and DecoderDied where the process ended or hung. Cancelled work kills the process.
        """
        try:
            async with asyncio.timeout(START_S + limits.cpu_s * WALL_FACTOR):
                fields, photo = await self._exchange(data, {**asdict(limits), "reduce": reduction})
            if "refused" in fields:
                raise PhotoTooLarge if fields["too_large"] else PhotoError(fields["refused"])
            return fields, photo
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

    async def _exchange(self, data: bytes, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        requests, replies = self._process.stdin, self._process.stdout
        assert requests and replies
        requests.write(json.dumps({**request, "length": len(data)}).encode() + b"\n")
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


class DecoderPool:
    """Checks photos in `limits.decoders` processes. `start` is optional, `stop` comes before the bot's stop waits."""

    def __init__(self, limits: LimitSettings) -> None:
        memory_bytes = limits.photo_memory_mb * 1_000_000
        self._limits = DecodeLimits(limits.photo_bytes, limits.photo_pixels, memory_bytes, limits.photo_cpu_s)
        self._light = replace(self._limits, memory_bytes=min(LIGHT_BYTES, memory_bytes), reduces=False)
        self._size = limits.decoders
        self._places, self._large = asyncio.Semaphore(self._size), asyncio.Lock()
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        """By user. A lock lives as long as one of the user's photos holds it or waits for it."""
        self._idle: list[DecoderProcess] = []
        self._busy: dict[asyncio.Task[Any], DecoderProcess] = {}
        self._waiting: set[asyncio.Task[Any]] = set()
        self._killers: OrderedDict[tuple[int, bytes], None] = OrderedDict()
        self._stopped = False

    async def start(self) -> None:
        """Start the processes, so that the first photos don't wait for them. Raises DecoderUnavailable."""
        while not self._stopped and len(self._idle) + len(self._busy) < self._size:
            self._idle.append(await start_decoder())

    async def check(self, data: bytes, user_id: int) -> CheckedPhoto:
        """As `check_photo`, when it is the user's turn. After `stop` it is cancelled.

        Raises PhotoError, of which DecoderKilled is one, and DecoderUnavailable.
        """
        fields, photo = await self._take_turn(data, user_id)
        return CheckedPhoto(data=photo, **fields)

    async def reduce(self, data: bytes, side: int, *, square: bool = False) -> bytes:
        """As `reduce_picture`, one picture at a time, so that users' photos have the other decoders. Raises as `check`.

        The file may have been stored before these limits.
        """
        _, photo = await self._take_turn(data, NO_USER, {"side": side, "square": square})
        return photo

    async def _take_turn(
        self, data: bytes, user_id: int, reduction: Reduction | None = None
    ) -> tuple[dict[str, Any], bytes]:
        task = asyncio.current_task()
        assert task
        if self._stopped:
            raise asyncio.CancelledError
        if self._is_known_killer(data):
            raise DecoderKilled
        self._waiting.add(task)
        try:
            # The queues below are first come, first served, and a user is in them once: so users take turns.
            async with self._turns.setdefault(user_id, asyncio.Lock()):
                try:
                    return await self._decode(task, data, self._light, reduction)
                except PhotoTooLarge:
                    async with self._large:
                        return await self._decode(task, data, self._limits, reduction)
        finally:
            self._waiting.discard(task)

    def stop(self) -> None:
        """Let no photo wait any longer, and none be decoded for longer than STOP_GRACE_S; they stay in the inbox."""
        self._stopped = True
        for task in self._waiting:
            task.cancel()
        asyncio.get_running_loop().call_later(STOP_GRACE_S, lambda: [task.cancel() for task in [*self._busy]])

    async def close(self) -> None:
        """End all processes."""
        self._stopped = True
        await asyncio.gather(*(process.kill() for process in [*self._idle, *self._busy.values()]))
        self._idle.clear()

    async def _decode(
        self, task: asyncio.Task[Any], data: bytes, limits: DecodeLimits, reduction: Reduction | None
    ) -> tuple[dict[str, Any], bytes]:
        async with self._places, self._process(task) as process:
            try:
                return await process.work(data, limits, reduction)
            except DecoderDied as error:
                log.warning("a decoder ended with a photo of %d bytes (%s); the photo is refused", len(data), error)
                self._remember(data)
                raise DecoderKilled from None

    @asynccontextmanager
    async def _process(self, task: asyncio.Task[Any]) -> AsyncIterator[DecoderProcess]:
        """A process for the work of a task. It is idle again afterwards, if it has survived."""
        if self._stopped:
            raise asyncio.CancelledError
        process = await self._take_idle()
        self._waiting.discard(task)
        self._busy[task] = process
        try:
            yield process
        finally:
            del self._busy[task]
            self._waiting.add(task)
            if process.running and not self._stopped and len(self._idle) + len(self._busy) < self._size:
                self._idle.append(process)
            else:
                await process.kill()

    async def _take_idle(self) -> DecoderProcess:
        while self._idle:
            process = self._idle.pop()
            if process.running:
                return process
            log.warning("an idle decoder has ended; another takes its place")
        return await start_decoder()

    def _is_known_killer(self, data: bytes) -> bool:
        lengths = {length for length, _ in self._killers}
        return len(data) in lengths and _key(data) in self._killers

    def _remember(self, data: bytes) -> None:
        self._killers[_key(data)] = None
        while len(self._killers) > MAX_REMEMBERED:
            self._killers.popitem(last=False)


def _key(data: bytes) -> tuple[int, bytes]:
    return len(data), hashlib.sha256(data).digest()
