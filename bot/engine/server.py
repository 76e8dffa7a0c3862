"""One server of ours: started, watched, started again after a crash or a hang, put to sleep, ended.

It is judged by what it does and not by /health, which LMDeploy answers with 200 while it sleeps: every word that comes from
it is a sign of life, and where there is none for a while it is asked for a joke about a photo of ours.
"""
import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.engine import checks
from bot.engine.client import EngineError, Reply
from bot.engine.launch import Launcher
from bot.engine.process import TICK_S, Process, StartError, start_process
from configs.settings import Settings
from storage.models import Model

log = logging.getLogger(__name__)

PROGRESS_S = 15.0
"""A start that takes long says so in the log this often."""
STEADY_S = 300.0
"""A server that has worked for so long is started again without a pause when it fails."""


class Server:
    """Make one, then `start` it (or `keep` it, which starts it again and again), `ask` it, and `stop` it.

    `state` is starting, checking, ready, asleep, restarting or ended; `trouble` why it was started again last, until it is
    ready. `changed` is called after each change.
    """

    def __init__(self, name: str, model: Model, launcher: Launcher, settings: Settings, logs: Path,
                 changed: Callable[[], None] = lambda: None) -> None:
        self.name, self.model = name, model
        self.state = "starting"
        self.says = self.trouble = ""
        self.outstanding, self.restarts, self.draining = 0, 0, False
        self._launcher, self._settings, self._logs, self._changed = launcher, settings, logs, changed
        self._process: Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._wakes = False
        self._doubt, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._alive_at = self._ready_at = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The process under which all of it runs."""
        return self._process.child.pid if self._process else None

    @property
    def free(self) -> bool:
        """Whether it takes photos."""
        return self.state == "ready" and not self.draining

    async def start(self) -> None:
        """Start it, check it and keep it running from then on. Raises StartError, and leaves nothing."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        self.keep()

    def keep(self) -> None:
        """See that it runs: start it where it doesn't, and again whenever it fails."""
        self._watcher = self._watcher or asyncio.create_task(self._watch(), name=f"watch {self.name}")

    async def ask(self, **question: Any) -> Reply:
        """As EngineClient.ask, once. Raises EngineError; the server is looked at after one that speaks against it."""
        process, on_text = self._process, question.pop("on_text", None)
        if process is None or self.state != "ready":
            raise EngineError("down", f"The server {self.name} is {self.state}.", passing=True)

        async def heard(text: str) -> None:
            self._alive_at = time.monotonic()
            if on_text:
                await on_text(text)

        self.outstanding += 1
        self._idle.clear()
        try:
            reply = await process.client.ask(**question, on_text=heard)
            if not checks.sane(reply.text):
                raise EngineError("empty", f"The server {self.name} wrote no text: {reply.text[:40]!r}.", passing=True)
            self._alive_at = time.monotonic()
            return reply
        except EngineError as error:
            if error.kind != "refused":
                self._doubt.set()
            raise
        finally:
            self.outstanding -= 1
            if not self.outstanding:
                self._idle.set()

    async def drain(self, limit_s: float) -> bool:
        """Take no more photos, and wait for those in work; whether all were answered in time."""
        self.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._idle.wait()
        return not self.outstanding

    async def sleep(self) -> None:
        """Give the memory back. A kind that can't sleep ends, and starts at `wake`. Raises EngineError; it stays awake then."""
        self._set("asleep")
        try:
            if self._process and self._process.sleeps:
                await self._process.control.sleep()
            else:
                await self._end_process()
        except EngineError:
            self._set("ready")
            raise
        self._changed()

    async def wake(self) -> None:
        """Be ready again. Raises StartError; nothing of it runs then."""
        self.draining = False
        if self._process is None:
            await self._start()
            return
        try:
            await self._process.control.wake()
            await self._process.probe()
        except (EngineError, StartError) as error:
            log.warning("%s did not wake (%s); it is started again", self.name, error)
            await self._end_process()
            await self._start()
        else:
            self._be_ready()

    def wake_somehow(self) -> None:
        """Wake it beside other work; if that fails it is started again, as often as it takes."""
        self._wakes = True
        self._doubt.set()
        self.keep()

    async def stop(self) -> None:
        """End it for good."""
        if self._watcher:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        await self._end_process()
        self._set("ended")

    async def _start(self) -> None:
        """From nothing to ready. Raises StartError, with nothing left running."""
        def begun(process: Process) -> None:
            self._process = process
            self._set("starting")

        def progress(state: str, says: str) -> None:
            nonlocal told
            if state == self.state:
                self.says = says
            else:
                self._set(state, says)
            if time.monotonic() - told >= PROGRESS_S:
                told = time.monotonic()
                log.info("%s is %s, %s", self.name, state, says)

        began = told = time.monotonic()
        self._set("starting")
        try:
            await start_process(self.name, self.model, self._launcher, self._settings, self._logs, begun, progress)
        except BaseException:
            self._process = None
            raise
        self._be_ready()
        log.info("%s serves %s after %.0f s", self.name, self.model.name, time.monotonic() - began)

    def _be_ready(self) -> None:
        self._ready_at = self._alive_at = time.monotonic()
        self.trouble = ""
        self._set("ready")

    async def _watch(self) -> None:
        if self._process is None and self.state != "asleep":
            await self._restart("")
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._doubt.wait()
            doubted = self._doubt.is_set()
            self._doubt.clear()
            try:
                if self._wakes:
                    self._wakes = False
                    await self.wake()
                elif self.state == "ready" and (why := await self._trouble(doubted=doubted)):
                    await self._restart(why)
            except StartError as error:
                await self._restart(str(error))
            except Exception:  # a server that nobody watches would be worse
                log.exception("watching %s failed; it goes on", self.name)

    async def _trouble(self, *, doubted: bool) -> str:
        """Why it must be started again, or "". One that is busy with others' photos is not in trouble."""
        process = self._process
        if process is None or not process.running:
            return process.last_words() if process else "it is not there"
        if not doubted and time.monotonic() - self._alive_at < self._settings.servers.probe_every_s:
            return ""
        try:
            await process.probe()
        except StartError as error:
            return str(error)
        except EngineError as error:
            if self.state != "ready":
                return ""
            if not process.running:
                return process.last_words()
            silent = time.monotonic() - self._alive_at
            return "" if error.kind in ("down", "slow") and silent < self._settings.servers.hang_s else str(error)
        self._alive_at = time.monotonic()
        return ""

    async def _restart(self, why: str) -> None:
        """Start it again, as often as it takes; `why` is "" for the first start."""
        limits, pause = self._settings.servers, 0.0
        if why:
            log.warning("%s is started again: %s", self.name, why)
            self.restarts += 1
            pause = limits.restart_delay_s if time.monotonic() - self._ready_at < STEADY_S else 0.0
        while True:
            self.trouble = why
            self._set("restarting")
            await self._end_process()
            await asyncio.sleep(pause)
            try:
                await self._start()
                return
            except Exception as error:  # a full disk, say: whatever it is, it may pass
                if not isinstance(error, StartError):
                    log.exception("%s could not be started", self.name)
                why, self.restarts = str(error), self.restarts + 1
                pause = min(max(2 * pause, limits.restart_delay_s), limits.restart_delay_most_s)
                log.error("%s Trying again in %.0f s.", error, pause)

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process:
            await process.end()

    def _set(self, state: str, says: str = "") -> None:
        self.state, self.says = state, says
        self._changed()
