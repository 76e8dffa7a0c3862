"""One supervised model server: started, checked, restarted after a crash or a hang, put to sleep, ended.

Its health is judged by its output, not by /health: LMDeploy answers that with 200 even while it sleeps. Every text
that the server sends shows that it works. After `servers.probe_interval_s` without text, a golden photo probes it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.engine.client import EngineReply
from bot.engine.errors import EngineError
from bot.engine.servers import readiness
from bot.engine.servers.launch import Launcher
from bot.engine.servers.server_process import POLL_INTERVAL_S, ServerProcess, StartFailed, start_process
from configs.settings import Settings
from storage.learning.models import Model

log = logging.getLogger(__name__)

PROGRESS_INTERVAL_S = 15.0
"""Between two log lines about a long start."""
STEADY_S = 300.0
"""A server that was ready for at least this time before it failed is restarted without a delay."""


class SupervisedServer:
    """`start` it, or `supervise` it (which retries the start until it succeeds); `ask` it; `stop` it.

    `state` is starting, checking, ready, asleep, restarting or ended. `details` is the progress of a start. `failure`
    is the reason of the last restart until the server is ready. `on_change` is called after each change of the state.
    `gpu` names the GPU that the launcher gives it, if there are several.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        launcher: Launcher,
        settings: Settings,
        logs: Path,
        on_change: Callable[[], None] = lambda: None,
        *,
        gpu: str = "",
    ) -> None:
        self.name, self.model, self.gpu = name, model, gpu
        self.state = "starting"
        self.details = self.failure = ""
        self.outstanding, self.restarts, self.draining = 0, 0, False
        self.prompt_tokens, self.cached_tokens = 0, 0
        self._launcher, self._settings, self._logs, self._on_change = launcher, settings, logs, on_change
        self._process: ServerProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._wake_requested = False
        self._suspicious, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._alive_at = self._ready_at = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The root of the server's process tree; None while there is none."""
        return self._process.child.pid if self._process else None

    @property
    def accepts_requests(self) -> bool:
        return self.state == "ready" and not self.draining

    async def start(self) -> None:
        """Start and check the server, then supervise it. Raises StartFailed; no process is left running then."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        self.supervise()

    def supervise(self) -> None:
        """In the background, start the server if it doesn't run and restart it whenever it fails."""
        self._supervisor = self._supervisor or asyncio.create_task(self._supervise(), name=f"supervise {self.name}")

    async def ask(self, **question: Any) -> EngineReply:
        """As EngineClient.ask, without retries. Raises EngineError; after an error the server is probed."""
        process, on_text = self._process, question.pop("on_text", None)
        if process is None or self.state != "ready":
            raise EngineError("down", f"The server {self.name} is {self.state}.", retryable=True)

        async def on_output(text: str) -> None:
            self._alive_at = time.monotonic()
            if on_text:
                await on_text(text)

        self.outstanding += 1
        self._idle.clear()
        try:
            reply = await process.client.ask(**question, on_text=on_output)
            if not readiness.is_plausible_text(reply.text):
                raise EngineError(
                    "empty", f"The server {self.name} wrote no text: {reply.text[:40]!r}.", retryable=True
                )
            self._alive_at = time.monotonic()
            self.prompt_tokens += reply.prompt_tokens or 0
            self.cached_tokens += reply.cached_tokens
            return reply
        except EngineError as error:
            if error.kind != "refused":
                self._suspicious.set()
            raise
        finally:
            self.outstanding -= 1
            if not self.outstanding:
                self._idle.set()

    async def drain(self, timeout_s: float) -> bool:
        """Accept no more requests and wait for those in progress; returns whether all were answered in time."""
        self.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        return not self.outstanding

    async def sleep(self) -> None:
        """Free the server's memory; if its kind can't sleep, end the process until `wake`.

        Raises EngineError; the server stays awake then.
        """
        self._set_state("asleep")
        try:
            if self._process and self._process.sleeps:
                await self._process.control.sleep()
            else:
                await self._end_process()
        except EngineError:
            self._set_state("ready")
            raise
        self._on_change()

    async def wake(self) -> None:
        """Make the server ready again. Raises StartFailed; no process is left running then."""
        self.draining = False
        if self._process is None:
            await self._start()
            return
        try:
            await self._process.control.wake()
            await self._process.probe()
        except (EngineError, StartFailed) as error:
            log.warning("%s did not wake (%s); it is restarted", self.name, error)
            await self._end_process()
            await self._start()
        else:
            self._set_ready()

    def wake_in_background(self) -> None:
        """Wake the server without waiting for it; if that fails, restart it until it succeeds."""
        self._wake_requested = True
        self._suspicious.set()
        self.supervise()

    async def stop(self) -> None:
        """End the server and its supervision."""
        if self._supervisor:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        await self._end_process()
        self._set_state("ended")

    async def _start(self) -> None:
        """Start a process and wait until it is ready. Raises StartFailed; no process is left running then."""
        started_at = logged_at = time.monotonic()

        def on_started(process: ServerProcess) -> None:
            self._process = process
            self._set_state("starting")

        def on_progress(state: str, details: str) -> None:
            nonlocal logged_at
            if state == self.state:
                self.details = details
            else:
                self._set_state(state, details)
            if time.monotonic() - logged_at >= PROGRESS_INTERVAL_S:
                logged_at = time.monotonic()
                log.info("%s is %s, %s", self.name, state, details)

        self._set_state("starting")
        try:
            await start_process(
                self.name, self.model, self._launcher, self._settings, self._logs, on_started, on_progress
            )
        except BaseException:
            self._process = None
            raise
        self._set_ready()
        log.info("%s serves %s after %.0f s", self.name, self.model.name, time.monotonic() - started_at)

    def _set_ready(self) -> None:
        self._ready_at = self._alive_at = time.monotonic()
        self.failure = ""
        self._set_state("ready")

    async def _supervise(self) -> None:
        if self._process is None and self.state != "asleep":
            await self._restart("")
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_INTERVAL_S):
                    await self._suspicious.wait()
            suspicious = self._suspicious.is_set()
            self._suspicious.clear()
            try:
                if self._wake_requested:
                    self._wake_requested = False
                    await self.wake()
                elif self.state == "ready" and (failure := await self._find_failure(suspicious=suspicious)):
                    await self._restart(failure)
            except StartFailed as error:
                await self._restart(str(error))
            except Exception:  # without supervision the server would stay down
                log.exception("the supervision of %s failed; it continues", self.name)

    async def _find_failure(self, *, suspicious: bool) -> str:
        """Why the server must be restarted, or "". A server that is slow because it is busy has not failed."""
        process = self._process
        if process is None or not process.running:
            return process.exit_reason() if process else "it has no process"
        if not suspicious and time.monotonic() - self._alive_at < self._settings.servers.probe_interval_s:
            return ""
        try:
            await process.probe()
        except StartFailed as error:
            return str(error)
        except EngineError as error:
            if self.state != "ready":
                return ""
            if not process.running:
                return process.exit_reason()
            silent_s = time.monotonic() - self._alive_at
            return (
                ""
                if error.kind in ("down", "slow") and silent_s < self._settings.servers.hang_timeout_s
                else str(error)
            )
        self._alive_at = time.monotonic()
        return ""

    async def _restart(self, reason: str) -> None:
        """Restart the server until that succeeds; `reason` is "" for the first start."""
        limits, delay_s = self._settings.servers, 0.0
        if reason:
            log.warning("%s is restarted: %s", self.name, reason)
            self.restarts += 1
            delay_s = limits.restart_delay_s if time.monotonic() - self._ready_at < STEADY_S else 0.0
        while True:
            self.failure = reason
            self._set_state("restarting")
            await self._end_process()
            await asyncio.sleep(delay_s)
            try:
                await self._start()
                return
            except Exception as error:  # any error may be temporary, a full disk for example
                if not isinstance(error, StartFailed):
                    log.exception("%s could not be started", self.name)
                reason, self.restarts = str(error), self.restarts + 1
                delay_s = min(max(2 * delay_s, limits.restart_delay_s), limits.restart_delay_max_s)
                log.error("%s Trying again in %.0f s.", error, delay_s)

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process:
            await process.end()

    def _set_state(self, state: str, details: str = "") -> None:
        self.state, self.details = state, details
        self._on_change()
