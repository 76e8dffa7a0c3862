"""The interface of the model servers: which versions they serve, and how a version is added, swapped and ended.

Two implementations: `ExternalServers` for servers that run elsewhere, `ManagedServers` for servers that the bot starts.
"""

from dataclasses import dataclass
from typing import Protocol

from bot.engine.router import Router, ServedModel
from configs.errors import JokebotError
from storage.learning.models import Model


class ServeError(JokebotError):
    """A model can't be served. The servers are unchanged."""


class NoCapacity(ServeError):
    """The settings allow no second model beside the champion. A swap is possible."""


@dataclass(frozen=True)
class ServerStatus:
    """One server, for admins and the metrics.

    `state`: starting, checking, ready, draining, asleep, restarting or ended; "given" for an external server.
    """

    model_id: int
    model: str
    name: str
    state: str
    details: str = ""
    """The progress of a start, or why the server is down."""
    outstanding: int = 0
    restarts: int = 0
    prompt_tokens: int = 0
    """Tokens of the prompts of its complete replies; the server did not compute `cached_tokens` of them again."""
    cached_tokens: int = 0


class ModelServers(Protocol):
    """Model servers as the rest of the bot uses them. Call `start` first and `stop` last."""

    router: Router

    async def start(self) -> None:
        """Start to serve the champion, without waiting until it is ready."""

    async def wait_ready(self) -> str:
        """Wait until the champion answers; returns a description of it.

        Raises EngineError or ServeError if it does not answer.
        """

    async def ready(self) -> bool:
        """Whether the champion answers now."""

    async def serve(self, model: Model) -> ServedModel:
        """Serve a version beside the others after checking its prompt and golden photos. It gets no deliveries yet.

        Raises ServeError, or NoCapacity where the settings never allow it. After an error nothing has changed.
        """

    async def swap(self, model: Model) -> ServedModel:
        """Make a version the router's champion. The previous one is drained, then kept or ended as the settings say.

        Raises ServeError. After an error nothing has changed.
        """

    async def end(self, model_id: int) -> None:
        """Stop serving a version once its requests are answered. Raises ServeError for the champion."""

    async def serve_base(self, model: Model, share: float) -> None:
        """Serve the base for a share of the photos, until another model needs the room. Raises ServeError."""

    async def end_base(self) -> None:
        """Stop serving the base beside the champion."""

    async def pause(self, reason: str) -> None:
        """Free the engine's memory until `resume` (`reason`: "training" or "swap"). Photos wait; users are notified."""

    async def resume(self) -> None:
        """Load the models again and answer the photos that wait."""

    @property
    def paused(self) -> str:
        """The reason of the current pause, or ""."""

    def status(self) -> list[ServerStatus]:
        """All servers."""

    async def stop(self) -> None:
        """End all servers."""
