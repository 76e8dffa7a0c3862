"""Periodic background jobs, all with one error policy: a fault in a job never ends the bot.

sqlite3.Error, JokebotError, OSError   logged as a warning; the next round is at the usual time
PermissionError, any other Exception   a defect: logged with its traceback, reported to the observer, a longer pause
a type in `fatal`                      raised from `run`, which ends the bot
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from configs.errors import JokebotError

log = logging.getLogger(__name__)

TRANSIENT = (sqlite3.Error, JokebotError, OSError)
"""Errors that are expected to pass: a locked database, a full disk, a host that can't be reached."""
DEFECT_PAUSE_S = 60.0


class StepCancelled(Exception):
    """A step was cancelled from within; the job was not."""


class JobObserver(Protocol):
    """Gets the outcome of every round, except transient errors. Its own exceptions are logged."""

    async def job_failed(self, name: str, error: Exception) -> None:
        """A round ended with a defect."""

    async def job_succeeded(self, name: str) -> None:
        """A round ended without an error."""


@dataclass(frozen=True)
class Periodic:
    """One job: `step` is awaited after `first_after_s` seconds, then again `every_s` seconds after each return.

    With `once` the job ends after its first round without an error. `sleep` may return early if there is work.
    """

    name: str
    every_s: float
    step: Callable[[], Awaitable[object]]
    first_after_s: float = 0.0
    defect_pause_s: float = DEFECT_PAUSE_S
    fatal: tuple[type[Exception], ...] = ()
    once: bool = False
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    async def run(self, observer: JobObserver) -> None:
        """Run rounds until cancelled. Raises only the types in `fatal`."""
        if self.first_after_s:
            await self.sleep(self.first_after_s)
        while pause_s := await self._round(observer):
            await self.sleep(pause_s)

    async def _round(self, observer: JobObserver) -> float:
        """Run one round; returns the seconds until the next one, 0 if there is none."""
        try:
            await self._step()
        except self.fatal:
            raise
        except Exception as error:
            if isinstance(error, TRANSIENT) and not isinstance(error, PermissionError):
                log.warning("job %s: %s; next attempt in %.0f s", self.name, error, self.every_s)
                return self.every_s
            pause_s = max(self.every_s, self.defect_pause_s)
            log.exception("job %s: a defect; next attempt in %.0f s", self.name, pause_s)
            await self._notify(observer.job_failed(self.name, error))
            return pause_s
        await self._notify(observer.job_succeeded(self.name))
        return 0.0 if self.once else self.every_s

    async def _step(self) -> None:
        """Await the step. A cancellation from within it would end the job silently, so it counts as a defect."""
        try:
            await self.step()
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            raise StepCancelled(self.name) from cancelled

    async def _notify(self, notification: Awaitable[None]) -> None:
        try:
            await notification
        except sqlite3.Error as error:
            log.warning("job %s: its outcome can't be recorded: %s", self.name, error)
        except Exception:
            log.exception("job %s: its outcome can't be reported", self.name)
