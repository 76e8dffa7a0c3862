"""Runs the recogniser process and asks it about photos.

The process has the train environment's torch, which the bot has not. The bot writes the answer into the prompt itself,
so every engine gets the same prompt. Without an answer a joke is made as if there were no recogniser.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.engine.servers.launch import INHERITED_SETTINGS
from bot.runtime.child_process import ChildFailed, ChildProcess, start_child
from configs.child_environment import child_environment
from configs.settings import ROOT, Settings

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

Start = Callable[[], ChildProcess]
READY_TIMEOUT_S = 120.0
ANSWER_TIMEOUT_S = 15.0
"""A photo takes a fraction of a second on one core, and many times that on a busy machine."""
RESTART_DELAY_S = 60.0
"""Until the next start after one that failed."""
REMEMBERED = 512
"""Photos whose answer is kept, for further jokes about them."""


class Recogniser:
    """The recogniser process, started at the first photo and again after it has ended. Close it at the end."""

    def __init__(self, start: Start) -> None:
        self._start_process, self._lock = start, asyncio.Lock()
        self._process: ChildProcess | None = None
        self._url, self._not_before = "", 0.0
        self._session: aiohttp.ClientSession | None = None
        self._answers: dict[str, str | None] = {}

    async def see(self, sha256: str, data: bytes) -> str | None:
        """The name of the thing in a photo, given its file's bytes and their hash.

        NOTHING_SEEN if the recogniser is sure of nothing; None for a drawing, and where it gives no answer.
        """
        import aiohttp  # Here, because most bots have no recogniser.

        if sha256 not in self._answers:
            try:
                seen = await self._ask(data)
            except (ChildFailed, OSError, aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
                log.warning("the recogniser gives no answer: %s", str(error) or type(error).__name__)
                return None
            while len(self._answers) >= REMEMBERED:
                del self._answers[next(iter(self._answers))]
            self._answers[sha256] = seen
        return self._answers[sha256]

    async def start(self) -> None:
        """Start the process if it does not run, so that no photo waits for it. Raises ChildFailed, OSError."""
        async with self._lock:
            await self._address()

    async def close(self) -> None:
        """End the process."""
        if self._session:
            await self._session.close()
        if self._process:
            await asyncio.to_thread(self._process.stop)

    async def _ask(self, data: bytes) -> str | None:
        import aiohttp

        async with self._lock:
            url = await self._address()
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_TIMEOUT_S), trust_env=False)
        async with self._session.post(f"{url}/recognise", data=data) as response:
            response.raise_for_status()
            seen: str | None = (await response.json())["seen"]
            return seen

    async def _address(self) -> str:
        """The running process's address; starts it if needed. Raises ChildFailed, OSError."""
        if self._process and self._process.running:
            return self._url
        if time.monotonic() < self._not_before:
            raise ChildFailed("The recogniser did not start; it is tried again in a minute.")
        self._not_before = time.monotonic() + RESTART_DELAY_S
        if self._process:
            await asyncio.to_thread(self._process.stop)
        self._process = await asyncio.to_thread(self._start_process)
        self._url = await asyncio.to_thread(self._process.wait_ready, READY_TIMEOUT_S)
        self._not_before = 0.0
        return self._url


def make_recogniser(settings: Settings) -> Recogniser | None:
    """The recogniser of the settings, not started yet; None where joke.recogniser is off."""
    if not settings.joke.recogniser:
        return None

    def start() -> ChildProcess:
        logs = settings.storage.directory / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        command = [str(settings.environments.train_python), "-m", "bot", "_recogniser"]
        return start_child(
            "recogniser",
            command,
            log=logs / "recogniser.log",
            log_bytes=int(settings.servers.log_mb * 1e6),
            environment=child_environment(*INHERITED_SETTINGS)
            | {"PYTHONUNBUFFERED": "1", "OMP_WAIT_POLICY": "PASSIVE"},
            cwd=ROOT,
        )

    return Recogniser(start)
