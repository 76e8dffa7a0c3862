"""The decoders: a few processes that check photos, kept warm, replaced when they die, and shared fairly.

A user has one photo at a decoder at a time, so a user with bombs leaves the other decoders to others. What does not fit
into LIGHT_BYTES is tried again with limits.photo_memory_mb, one such photo at a time. So the memory of all decoders
together is bounded: that of one large photo, and LIGHT_BYTES for each further decoder.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from bot.jokes.decoder_process import DecoderDied, DecoderProcess, start_decoder
from bot.runtime.periodic import Periodic
from configs.settings import LimitSettings
from storage.media.decode_worker import DecodeLimits
from storage.media.image_check import CheckedPhoto, PhotoError, PhotoTooLarge

log = logging.getLogger(__name__)

LIGHT_BYTES = 48_000_000
"""Up to this much memory photos are decoded beside each other: an upright JPEG of 12 megapixels, a turned one of 6."""
STOP_GRACE_S = 2.0
"""How long a stop waits for photos that are being decoded. They stay in the inbox for the next start."""
RETRY_S = 60.0
"""Until the next try after a process could not be started. A photo that comes before starts one too."""
MAX_REMEMBERED = 1000
"""Files that killed a decoder, by their hash, so that a copy is refused at once."""


@dataclass
class _UserTurn:
    places: asyncio.Semaphore
    present: int = 0
    """How many of the user's photos hold a place or wait for one."""


class UserTurns:
    """At most `per_user` blocks of one user run at the same time; further ones wait in their order.

    Where the blocks then queue for something common, first come, first served, users take turns there.
    """

    def __init__(self, per_user: int) -> None:
        self._per_user = per_user
        self._turns: dict[int, _UserTurn] = {}

    @asynccontextmanager
    async def turn(self, user_id: int) -> AsyncIterator[None]:
        """Wait for one of the user's places and hold it during the block."""
        turn = self._turns.setdefault(user_id, _UserTurn(asyncio.Semaphore(self._per_user)))
        turn.present += 1
        try:
            async with turn.places:
                yield
        finally:
            turn.present -= 1
            if not turn.present:
                del self._turns[user_id]


class DecoderKilled(PhotoError):
    """A file used up the time or memory of its decoder, or crashed it."""

    def __init__(self) -> None:
        super().__init__("too_costly")


class DecoderPool:
    """Checks photos in `limits.decoders` processes. `start` is optional, `stop` comes before the bot's stop waits."""

    def __init__(self, limits: LimitSettings) -> None:
        memory_bytes = limits.photo_memory_mb * 1_000_000
        self._limits = DecodeLimits(limits.photo_bytes, limits.photo_pixels, memory_bytes, limits.photo_cpu_s)
        self._light = replace(self._limits, memory_bytes=min(LIGHT_BYTES, memory_bytes), reduces=False)
        self._size = limits.decoders
        self._places, self._large, self._turns = asyncio.Semaphore(self._size), asyncio.Lock(), UserTurns(1)
        self._idle: list[DecoderProcess] = []
        self._busy: dict[asyncio.Task[Any], DecoderProcess] = {}
        self._waiting: set[asyncio.Task[Any]] = set()
        self._killers: OrderedDict[tuple[int, bytes], None] = OrderedDict()
        self._stopped = False

    def job(self) -> Periodic:
        """The job that starts the processes after the bot's own start."""
        return Periodic("decoders", RETRY_S, self.start, once=True)

    async def start(self) -> None:
        """Start the processes, so that the first photos don't wait for them. Raises DecoderUnavailable."""
        while not self._stopped and len(self._idle) + len(self._busy) < self._size:
            self._idle.append(await start_decoder())

    async def check(self, data: bytes, user_id: int) -> CheckedPhoto:
        """As `check_photo`, when it is the user's turn. After `stop` it is cancelled.

        Raises PhotoError, of which DecoderKilled is one, and DecoderUnavailable.
        """
        task = asyncio.current_task()
        assert task
        if self._stopped:
            raise asyncio.CancelledError
        if self._is_known_killer(data):
            raise DecoderKilled
        self._waiting.add(task)
        try:
            async with self._turns.turn(user_id):
                try:
                    return await self._decode(task, data, self._light)
                except PhotoTooLarge:
                    async with self._large:
                        return await self._decode(task, data, self._limits)
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

    async def _decode(self, task: asyncio.Task[Any], data: bytes, limits: DecodeLimits) -> CheckedPhoto:
        async with self._places, self._process(task) as process:
            try:
                return await process.check(data, limits)
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
