"""The process of a model server and its clients: start, check and end it."""

import asyncio
import logging
import re
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import SecretStr

from bot.engine.client import EngineClient
from bot.engine.errors import EngineError
from bot.engine.servers import readiness
from bot.engine.servers.control_client import ControlClient
from bot.engine.servers.launch import Launcher, LaunchSpec
from bot.runtime.child_process import STOP_GRACE_S, ChildFailed, ChildProcess, start_child
from configs.chat_templates import chat_template
from configs.errors import JokebotError
from configs.settings import ROOT, Settings
from storage.learning.models import Model

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 0.25
MAX_PORT_ATTEMPTS = 3
WARM_UP_PAUSE_S = 0.7
"""Between two bursts of warm-up photos, so that users of other servers on the GPU wait for one burst at most."""
PORT_TAKEN = r"address already in use|can't be used: Address|\[Errno 98\]"
DIAGNOSES: tuple[tuple[str, str], ...] = (
    (PORT_TAKEN, "its port was taken by another program"),
    (
        r"CUDA out of memory|OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation",
        "the GPU's memory is full: lower lmdeploy.cache_photos or servers.count, or end other programs on the GPU",
    ),
    (
        r"No CUDA GPUs are available|no CUDA-capable device|Found no NVIDIA driver|CUDA driver initialization "
        r"failed|CUDA error|"
        r"NVML|cuda.{0,20}(?:not available|unavailable)",
        "the GPU is not there or has failed: see nvidia-smi",
    ),
    (
        r"MemoryError|Cannot allocate memory|can't allocate memory|DefaultCPUAllocator|code 137",
        "the host's memory is full",
    ),
    (r"No module named", "its environment is incomplete: `jokebot doctor` says what to do"),
)
"""Patterns in a server's last lines of output, each with the reason that it shows. The first match counts."""


class StartFailed(JokebotError):
    """A server could not be started, or failed its checks. No process of it is left running."""


class ServerProcess:
    """A started server. `client` requests jokes without retries, `control` has the other routes. `end` it."""

    def __init__(
        self, model: Model, child: ChildProcess, url: str, key: str, settings: Settings, launch: LaunchSpec
    ) -> None:
        self.model, self.child, self.sleeps, self._warm = model, child, launch.sleeps, launch.warm
        self._settings, self._template = settings, chat_template(launch.template)
        address = {
            "url": f"{url}/v1",
            "api_key": SecretStr(key),
            "model": launch.name,
            "template": launch.template,
            "attempts": 1,
        }
        timeout_s = settings.servers.start_timeout_s
        probe_limits = {"max_tiles": 1, "first_token_timeout_s": timeout_s, "total_timeout_s": timeout_s}
        self.client = EngineClient(settings.engine.model_copy(update=address))
        self._prober = EngineClient(settings.engine.model_copy(update=address | probe_limits))
        self.control = ControlClient(url, key)

    @property
    def running(self) -> bool:
        return self.child.running

    def exit_reason(self) -> str:
        """Why the process ended, as far as its last lines show."""
        output = self.child.last_lines
        return diagnose_exit(output) or f"it ended by itself ({output[-1][:100] if output else 'without output'})"

    async def wait_listening(self, deadline: float, on_progress: Callable[[str], None]) -> None:
        """Wait for the ready line until `deadline`, in monotonic time. Raises ChildFailed."""
        started_at = time.monotonic()
        while self.child.ready_url() is None:
            if time.monotonic() > deadline:
                raise ChildFailed(f"The server was not ready within {self._settings.servers.start_timeout_s:g} s.")
            on_progress(f"{time.monotonic() - started_at:.0f} s: {(self.child.last_lines or [''])[-1][:100]}")
            await asyncio.sleep(POLL_INTERVAL_S)

    async def check(self, deadline: float) -> None:
        """Check the prompt and the golden photos, then warm up. Raises NotReadyError, EngineError, ChildFailed."""
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                reply = await readiness.check_golden(self._prober)
                directory = Path(self.model.directory) if self.model.directory else None
                await readiness.check_prompt(self.control, reply, directory, self._template)
                for burst, photos in enumerate(self._warm):
                    if burst:
                        await asyncio.sleep(WARM_UP_PAUSE_S)
                    await readiness.warm_up(self.client, photos)
        except TimeoutError:
            raise EngineError("slow", "The server's first jokes took too long.") from None
        self.child.ready_url()

    async def probe(self) -> None:
        """Request a joke about a golden photo, and another one if the reply is empty.

        Raises EngineError, and StartFailed for a reply that is no plausible text.
        """
        try:
            async with asyncio.timeout(self._settings.servers.hang_timeout_s):
                try:
                    reply = await readiness.ask_about_golden(self._prober, 0, tokens=readiness.PROBE_TOKENS)
                except EngineError as error:
                    if error.kind != "empty":
                        raise
                    reply = await readiness.ask_about_golden(self._prober, 1, tokens=readiness.PROBE_TOKENS)
        except TimeoutError:
            raise EngineError(
                "slow", f"The server sent nothing for {self._settings.servers.hang_timeout_s:g} s."
            ) from None
        if not readiness.is_plausible_text(reply.text):
            raise StartFailed(f"The server no longer writes text: {reply.text[:40]!r}.")

    async def end(self) -> None:
        """End the process; returns once it has exited."""
        await asyncio.shield(asyncio.to_thread(self.child.stop))
        await self.client.close()
        await self._prober.close()


async def start_process(
    name: str,
    model: Model,
    launcher: Launcher,
    settings: Settings,
    logs: Path,
    on_started: Callable[[ServerProcess], None],
    on_progress: Callable[[str, str], None],
) -> ServerProcess:
    """Start a server and check it. If another program has taken its port, another port is tried.

    `on_started` gets the server as soon as its process runs, `on_progress` its state (one word) and the details.
    Raises StartFailed; no process is left running then.
    """
    for attempts_left in reversed(range(MAX_PORT_ATTEMPTS)):
        process, deadline = None, time.monotonic() + settings.servers.start_timeout_s
        try:
            process = _launch(name, model, launcher, settings, logs)
            on_started(process)
            await process.wait_listening(deadline, lambda details: on_progress("starting", details))
            on_progress("checking", "")
            await process.check(deadline)
            return process
        except BaseException as error:
            output = process.child.last_lines if process else []
            if process:
                await process.end()
            if not isinstance(error, JokebotError):
                raise
            other_server = isinstance(error, EngineError) and error.status in (401, 404)
            port_taken = other_server or is_port_taken("\n".join(output))
            if not (port_taken and attempts_left):
                reason = diagnose_exit([*output, str(error)])
                details = f": {reason}. " if reason else ". "
                raise StartFailed(f"{name} can't serve {model.name}{details}{error}") from error
            log.info("%s: its port was taken by another program; trying another one", name)
    raise AssertionError("the last attempt returns or raises")


def _launch(name: str, model: Model, launcher: Launcher, settings: Settings, logs: Path) -> ServerProcess:
    """Start the process. Raises JokebotError if this host can't serve the model."""
    port, key = free_port(), secrets.token_urlsafe(24)
    launch = launcher(model, port, key)
    logs.mkdir(parents=True, exist_ok=True)
    child = start_child(
        name,
        launch.command,
        environment=launch.environment,
        cwd=ROOT,
        grace_s=STOP_GRACE_S,
        log=logs / f"{name}.log",
        log_bytes=int(settings.servers.log_mb * 1e6),
    )
    return ServerProcess(model, child, f"http://127.0.0.1:{port}", key, settings, launch)


def free_port() -> int:
    """A port of this host on which no program listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def diagnose_exit(output: Sequence[str]) -> str:
    """The likely reason of an exit in a few words, from the last lines of output; "" if they show none."""
    text = "\n".join(output)
    return next((reason for pattern, reason in DIAGNOSES if re.search(pattern, text, re.IGNORECASE)), "")


def is_port_taken(text: str) -> bool:
    return re.search(PORT_TAKEN, text, re.IGNORECASE) is not None
