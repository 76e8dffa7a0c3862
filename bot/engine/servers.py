"""The interface of the model servers: which model versions they serve, and how a version is added, swapped and ended.

Two implementations: `GivenServers` for servers that run elsewhere, `OwnedServers` for servers that the bot starts.
"""
from dataclasses import dataclass
from typing import Protocol

from bot.engine.router import Arm, Router
from configs.errors import JokebotError
from storage.models import Model


class ServerError(JokebotError):
    """A model can't be served; what was served before is served as before."""


class NoRoom(ServerError):
    """Memory holds no second model beside the champion, by the setting `servers.extra`; a swap is possible."""


@dataclass(frozen=True)
class ServerState:
    """One server, for people and the metrics. `state`: starting, checking, ready, draining, asleep, restarting, ended; given for one that is not ours."""

    model_id: int
    model: str
    name: str
    state: str
    says: str = ""
    """How far a start has come, or why a server is down."""
    outstanding: int = 0
    restarts: int = 0


class Servers(Protocol):
    """What the bot, the canary and the commands do with servers. `start` first, `stop` last."""

    router: Router

    async def start(self) -> None:
        """Begin to serve the champion, without waiting for it."""

    async def wait_ready(self) -> str:
        """Wait until the champion answers; what it is, in words. Raises EngineError or ServerError where it doesn't."""

    async def ready(self) -> bool:
        """Whether the champion answers now."""

    async def serve(self, model: Model) -> Arm:
        """Serve a version beside what is served, with its prompt and golden photos checked; it gets no deliveries yet.

        Raises ServerError, and leaves everything as it was; NoRoom where that will never be possible here.
        """

    async def swap(self, model: Model) -> Arm:
        """Make a version the router's champion without a gap; the one before is drained, then kept or ended as the
        settings say. Raises ServerError, and leaves everything as it was."""

    async def end(self, model_id: int) -> None:
        """Serve a version no more, after its requests are answered. Raises ServerError for the champion."""

    async def pause(self, reason: str) -> None:
        """Give the engine's memory away for a while (`reason`: "training" or "swap"); photos wait and people are told."""

    async def resume(self) -> None:
        """Take the memory back and answer what waits."""

    @property
    def paused(self) -> str:
        """The reason of the pause, or ""."""

    def status(self) -> list[ServerState]:
        """All servers."""

    async def stop(self) -> None:
        """End them all."""
