"""External servers, at the address in the settings: kind "url".

The champion has the model name of the settings. Another version can be served beside it if the address lists a model
of its name, as `lmdeploy serve proxy` does with several api_servers behind it.
"""

from bot.engine.errors import EngineError
from bot.engine.proxied_nodes import ProxiedNodes
from bot.engine.router import Router, ServedModel
from bot.engine.servers.base import ServeError, ServerStatus
from configs.settings import Settings
from storage.learning.models import Model


class ExternalServers:
    """Implements ModelServers. It starts, suspends and ends no server; only the router changes."""

    def __init__(self, settings: Settings, champion: Model) -> None:
        self._settings = settings
        self._clients: dict[int, ProxiedNodes] = {}
        self._names: dict[int, str] = {champion.id: champion.name}
        self.router = Router(
            ServedModel(champion, self._client(champion, settings.engine.model)),
            rotation_s=3600 * settings.canary.rotation_hours,
        )
        self.paused = ""

    async def start(self) -> None:
        """Does nothing: external servers run already."""

    async def wait_ready(self) -> str:
        """Describe the models that the address lists. Raises EngineError if it doesn't answer."""
        names = await self._clients[self.router.champion.model.id].models()
        return f"the engine at {self._settings.engine.url} serves {', '.join(names)}"

    async def ready(self) -> bool:
        return await self.router.champion.client.ready()

    async def serve(self, model: Model) -> ServedModel:
        """Serve a version whose name the address lists. Raises ServeError for any other version."""
        if served := self.router.served_model(model.id):
            return served
        url = self._settings.engine.url
        try:
            names = await self._clients[self.router.champion.model.id].models()
        except EngineError as error:
            raise ServeError(f"{model.name} can't be served: {error}") from error
        if model.name not in names:
            raise ServeError(
                f"The bot does not start the engine at {url}, which serves {', '.join(names)} and not {model.name}. "
                f"Start a server for it there under the name {model.name}, or set JOKEBOT_ENGINE_KIND."
            )
        self._names[model.id] = model.name
        return ServedModel(model, self._client(model, model.name))

    async def swap(self, model: Model) -> ServedModel:
        """Make a version the champion whose name the address lists. Raises ServeError."""
        arm = await self.serve(model)
        self.router.set_champion(arm)
        return arm

    async def end(self, model_id: int) -> None:
        """Stop using a version. Raises ServeError for the champion."""
        if model_id == self.router.champion.model.id:
            raise ServeError("The champion is in service; its servers can't be ended.")
        if self.router.canary and self.router.canary.model.id == model_id:
            self.router.clear_canary()
        self._names.pop(model_id, None)

    async def serve_base(self, model: Model, share: float) -> None:
        """Give a model whose name the address lists that share of the photos. Raises ServeError for any other."""
        self.router.set_base(await self.serve(model), share)

    async def end_base(self) -> None:
        """The base gets no more photos."""
        self.router.clear_base()

    async def pause(self, reason: str) -> None:
        """Does nothing: the servers keep their memory and go on answering."""

    async def resume(self) -> None:
        """Does nothing, as `pause`."""

    def status(self) -> list[ServerStatus]:
        return [
            ServerStatus(arm.model.id, arm.model.name, self._settings.engine.url, "given")
            for arm in self.router.served_models
        ]

    async def stop(self) -> None:
        for client in self._clients.values():
            await client.close()

    def _client(self, model: Model, name: str) -> ProxiedNodes:
        client = self._clients.get(model.id)
        if client is None:
            # It may be an unmodified LMDeploy, whose rule against repetition ends jokes after one word.
            engine = self._settings.engine
            settings = engine.model_copy(update={"model": name, "template": model.template or engine.template})
            client = self._clients[model.id] = ProxiedNodes(settings, ngram=False)
        return client
