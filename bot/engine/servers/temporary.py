"""The engine of a terminal command: a running one, or a server that runs as long as the command."""

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from configs.child_environment import child_environment
from configs.errors import JokebotError
from configs.serving import EngineSettings
from configs.settings import ROOT, Settings
from storage.checkpoint.check import check_checkpoint

if TYPE_CHECKING:
    from storage.learning.models import Model


def engine_at(url: str | None, settings: Settings) -> EngineSettings:
    """The settings of the engine at an address with /v1; None means the address in the settings."""
    # The model name in the settings belongs to their own address; any other engine is asked for its first model.
    return settings.engine.model_copy(update={"url": url, "model": ""} if url else {})


def engine_of(url: str | None, settings: Settings) -> AbstractContextManager[EngineSettings]:
    """The engine at an address, else that of the settings; kinds that the bot serves run for the `with` block.

    The running bot's servers can't be used here: only the bot knows their ports and keys.
    """
    own = url is None and settings.engine.kind != "url"
    return serving_own(settings) if own else nullcontext(engine_at(url, settings))


@contextmanager
def serving_own(settings: Settings) -> Iterator[EngineSettings]:
    """Run a server of the settings' kind and model during the block. Raises JokebotError if it can't be started."""
    from storage.learning.models import Model

    own = settings.model
    directory = str(own.directory) if own.directory else None
    with _launched(Model(0, own.name, "base", None, None, directory, None, "{}", 0.0), settings) as engine:
        yield engine


@contextmanager
def _launched(model: "Model", settings: Settings) -> Iterator[EngineSettings]:
    """Run a server of the settings' kind for a model during the block. Raises JokebotError if it can't be started."""
    from bot.engine.servers.launch import make_launcher
    from bot.engine.servers.server_process import free_port
    from bot.runtime.child_process import start_child

    port, key = free_port(), secrets.token_urlsafe(24)
    launch = make_launcher(settings)(model, port, key)
    address = {
        "url": f"http://127.0.0.1:{port}/v1",
        "api_key": SecretStr(key),
        "model": launch.name,
        "template": launch.template,
    }
    with start_child(
        f"{settings.engine.kind} server", launch.command, environment=launch.environment, cwd=ROOT
    ) as child:
        child.wait_ready(settings.servers.start_timeout_s)
        yield settings.engine.model_copy(update=address)


def serving_with(
    kind: Literal["cpu", "lmdeploy"], directory: Path, settings: Settings
) -> AbstractContextManager[EngineSettings]:
    """Run an engine of that kind for a checkpoint during the block. Raises JokebotError if it can't be started."""
    if kind == "cpu":
        return serving(directory, settings)
    from storage.learning.models import Model

    found = check_checkpoint(directory).directory
    model = Model(0, found.name, "base", None, None, str(found), None, "{}", 0.0)
    engine = settings.engine.model_copy(update={"kind": kind})
    return _launched(model, settings.model_copy(update={"engine": engine}))


@contextmanager
def serving(directory: Path, settings: Settings) -> Iterator[EngineSettings]:
    """Run a CPU engine for a checkpoint during the block. Raises JokebotError if it can't be started."""
    from bot.engine.servers.launch import INHERITED_SETTINGS
    from bot.runtime.child_process import start_child

    python = settings.environments.train_python
    if not python.exists():
        raise JokebotError(
            f"A model directory needs the train environment, and {python} doesn't exist. Run `make env-train`."
        )
    checkpoint = check_checkpoint(directory)
    command = [str(python), "-m", "bot", "serve", str(checkpoint.directory), "--port", "0"]
    address = {"model": "", "template": checkpoint.template}
    with start_child("CPU engine", command, environment=child_environment(*INHERITED_SETTINGS)) as child:
        yield settings.engine.model_copy(update=address | {"url": f"{child.wait_ready()}/v1"})
