"""The process of a server and the clients that speak to it: from a command line to "it answers as it should", and to its end."""
import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from bot.engine import checks
from bot.engine.child import Child, ChildError, start_child
from bot.engine.client import EngineClient, EngineError
from bot.engine.control import Control
from bot.engine.launch import Launch, Launcher
from bot.engine.trouble import explanation, port_taken
from configs.errors import JokebotError
from configs.settings import ROOT, Settings
from storage.models import Model

log = logging.getLogger(__name__)

TICK_S = 0.25
PORT_TRIES = 3
STOP_GRACE_S = 10.0
WARM_PAUSE_S = 0.7
"""Between two bursts of photos that warm a server: those beside it on the card catch up, so that nobody waits for two bursts."""


class StartError(JokebotError):
    """A server could not be started, or must not be used; nothing of it is left."""


class Process:
    """A started server. `client` asks it once for a joke, `control` for other things; `end` it."""

    def __init__(self, model: Model, child: Child, url: str, key: str, settings: Settings, launch: Launch) -> None:
        self.model, self.child, self.sleeps, self._warm = model, child, launch.sleeps, launch.warm
        self._settings = settings
        one = {"url": f"{url}/v1", "api_key": SecretStr(key), "model": launch.name, "attempts": 1}
        most = settings.servers.start_timeout_s
        self.client = EngineClient(settings.engine.model_copy(update=one))
        self._prober = EngineClient(settings.engine.model_copy(update=one | {
            "max_tiles": 1, "first_token_timeout_s": most, "total_timeout_s": most}))
        self.control = Control(url, key)

    @property
    def running(self) -> bool:
        return self.child.running

    def last_words(self) -> str:
        """Why it ended, as far as its last lines tell."""
        lines = self.child.lines
        return explanation(lines) or f"it ended by itself ({lines[-1][:100] if lines else 'without a word'})"

    async def wait_listening(self, until: float, progress: Callable[[str], None]) -> None:
        """Until it prints that it is ready; `progress` hears how far it is. Raises ChildError."""
        began = time.monotonic()
        while self.child.look() is None:
            if time.monotonic() > until:
                raise ChildError(f"It was not ready within {self._settings.servers.start_timeout_s:g} s.")
            progress(f"{time.monotonic() - began:.0f} s: {(self.child.lines or [''])[-1][:100]}")
            await asyncio.sleep(TICK_S)

    async def check(self, until: float) -> None:
        """The prompt and the golden photos; then it is warmed up. Raises CheckError, EngineError, ChildError."""
        try:
            async with asyncio.timeout(until - time.monotonic()):
                reply = await checks.check_golden(self._prober)
                await checks.check_prompt(self.control, reply, Path(self.model.directory) if self.model.directory else None)
                for number, photos in enumerate(self._warm):
                    if number:
                        await asyncio.sleep(WARM_PAUSE_S)
                    await checks.warm_up(self.client, photos)
        except TimeoutError:
            raise EngineError("slow", "Its first jokes took too long.") from None
        self.child.look()

    async def probe(self) -> None:
        """A photo of ours. Raises EngineError, StartError where the answer is none; to say nothing once is no failure."""
        try:
            async with asyncio.timeout(self._settings.servers.hang_s):
                try:
                    reply = await checks.ask(self._prober, 0, tokens=checks.PROBE_TOKENS)
                except EngineError as error:
                    if error.kind != "empty":
                        raise
                    reply = await checks.ask(self._prober, 1, tokens=checks.PROBE_TOKENS)
        except TimeoutError:
            raise EngineError("slow", f"It says nothing for {self._settings.servers.hang_s:g} s.") from None
        if not checks.sane(reply.text):
            raise StartError(f"It writes no text any more: {reply.text[:40]!r}.")

    async def end(self) -> None:
        """Returns when it is gone."""
        await asyncio.shield(asyncio.to_thread(self.child.stop))
        await self.client.close()
        await self._prober.close()


async def start_process(name: str, model: Model, launcher: Launcher, settings: Settings, logs: Path,
                        begun: Callable[[Process], None], progress: Callable[[str, str], None]) -> Process:
    """A server that listens and has passed its checks. `begun` gets it as soon as its process runs, `progress` its state in
    one word and in more. Raises StartError, with nothing left running; another port is tried where one was taken meanwhile.
    """
    for left in reversed(range(PORT_TRIES)):
        process, until = None, time.monotonic() + settings.servers.start_timeout_s
        try:
            process = _launch(name, model, launcher, settings, logs)
            begun(process)
            await process.wait_listening(until, lambda says: progress("starting", says))
            progress("checking", "")
            await process.check(until)
            return process
        except BaseException as error:
            lines = process.child.lines if process else []
            if process:
                await process.end()
            if not isinstance(error, JokebotError):
                raise
            taken = port_taken("\n".join(lines)) or isinstance(error, EngineError) and error.status in (401, 404)
            if not (taken and left):
                reason = explanation([*lines, str(error)])
                raise StartError(f"{name} can't serve {model.name}" + (f": {reason}. " if reason else ". ") + str(error)) from error
            log.info("%s: its port was taken by another program; trying another one", name)
    raise AssertionError("the last try returns or raises")


def _launch(name: str, model: Model, launcher: Launcher, settings: Settings, logs: Path) -> Process:
    """Start the process. Raises JokebotError where this host can't."""
    port, key = free_port(), secrets.token_urlsafe(24)
    launch = launcher(model, port, key)
    logs.mkdir(parents=True, exist_ok=True)
    child = start_child(name, launch.command, environment=launch.environment, cwd=ROOT, grace_s=STOP_GRACE_S,
                        log=logs / f"{name}.log", log_bytes=int(settings.servers.log_mb * 1e6))
    return Process(model, child, f"http://127.0.0.1:{port}", key, settings, launch)


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]
