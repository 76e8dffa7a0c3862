"""The interface of the model servers: which model versions they serve, and how a version is added, swapped and ended.

Two implementations: `ExternalServers` for servers that run elsewhere, `ManagedServers` for servers that the bot starts.
"""

from dataclasses import dataclass
from typing import Protocol

from bot.engine.router import Router, ServedModel
from configs.errors import JokebotError
from storage.learning.models import Model


class ServeError(JokebotError):
    """A model can't be served; the servers are as before."""


class NoCapacity(ServeError):
    """The setting `servers.allow_extra_server` allows no second model beside the champion; a swap is possible."""


@dataclass(frozen=True)
class ServerStatus:
    """One server, for admins and the metrics.

    `state`: starting, checking, ready, draining, asleep, restarting or ended; given for one that the bot does not run.
    """

    model_id: int
    model: str
    name: str
    state: str
    says: str = ""
    """The progress of a start, or why a server is down."""
    outstanding: int = 0
    restarts: int = 0


class ModelServers(Protocol):
    """What the bot, the canary and the commands do with model servers. `start` first, `stop` last."""

    router: Router

    async def start(self) -> None:
        """Begin to serve the champion, without waiting for it."""

    async def wait_ready(self) -> str:
        """Wait until the champion answers; returns a description of it.

        Raises EngineError or ServeError where it doesn't.
        """

    async def ready(self) -> bool:
        """Whether the champion answers now."""

    async def serve(self, model: Model) -> ServedModel:
        """Serve a version beside the others, with its prompt and golden photos checked; it gets no deliveries yet.

        Raises ServeError, and NoCapacity where that will never be possible here; everything is as before then.
        """

    async def swap(self, model: Model) -> ServedModel:
        """Make a version the router's champion; the previous one is drained, then kept or ended as the settings say.

        Raises ServeError; everything is as before then.
        """

    async def end(self, model_id: int) -> None:
        """Stop serving a version, after its requests are answered. Raises ServeError for the champion."""

    async def pause(self, reason: str) -> None:
        """Free the engine's memory until `resume` (`reason`: "training" or "swap"); photos wait and users are told."""

    async def resume(self) -> None:
        """Take the memory back and answer the photos that wait."""

    @property
    def paused(self) -> str:
        """The reason of the pause, "" outside one."""

    def status(self) -> list[ServerStatus]:
        """All servers."""

    async def stop(self) -> None:
        """End them all."""
