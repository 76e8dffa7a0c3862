"""How a server of each kind is started: its command line and environment."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from configs.chat_templates import DEFAULT_TEMPLATE
from configs.child_environment import child_environment
from configs.errors import JokebotError
from configs.model_code import with_agreed
from configs.settings import Settings
from storage.checkpoint.check import Checkpoint, check_checkpoint
from storage.learning.model_files import check_code
from storage.learning.models import Model

INHERITED_SETTINGS = ("JOKEBOT_CONFIG", "JOKEBOT_LIMITS_", "JOKEBOT_ENVIRONMENTS_", "JOKEBOT_LOG_")
"""The only JOKEBOT_ variables that a CPU engine inherits; the bot's token is not among them."""
WARM_UP_BURSTS = (1, 1, 2, 4)
"""Number of concurrent photos in each burst that warms up an LMDeploy server: single photos first, then batches."""


@dataclass(frozen=True)
class LaunchSpec:
    """How to start a server on a port of this host. It prints `listening on ADDRESS` when it is ready.

    The API key is in the environment and never in the command, which every user of the host can read. `name` is the
    model's name on the server, `template` its chat template. `sleeps`: POST /sleep frees its memory, POST /wakeup loads
    the model again. `warm` are the bursts of warm-up photos before users' photos: the first photos of a kind compile
    kernels for seconds.
    """

    command: list[str]
    environment: dict[str, str]
    name: str
    template: str = DEFAULT_TEMPLATE
    sleeps: bool = False
    warm: tuple[int, ...] = ()


Launcher = Callable[[Model, int, str], LaunchSpec]
"""Makes the LaunchSpec for a model, a port and an API key. Raises JokebotError if this host can't serve the model."""


def usable_checkpoint(model: Model) -> tuple[Checkpoint, dict[str, str]]:
    """The model's checkpoint, and the environment variables that have its server load only the agreed code.

    Raises JokebotError if it can't be used, if an admin has not agreed to the code in it, or if the model was trained
    with another chat template than its directory names.
    """
    if model.directory is None:
        raise JokebotError(
            f"The registry knows no directory for model {model.name}. `jokebot fetch` or `jokebot setup` gets "
            "a model, or set JOKEBOT_MODEL_DIRECTORY."
        )
    checkpoint = check_checkpoint(Path(model.directory))
    if model.template and model.template != checkpoint.template:
        raise JokebotError(
            f"Model {model.name} was trained with the chat template {model.template}, and {checkpoint.directory} names "
            f"{checkpoint.template}. It isn't served."
        )
    return checkpoint, with_agreed(checkpoint.directory, check_code(model, checkpoint.directory), {})


def cpu_launcher(settings: Settings) -> Launcher:
    """Launches `jokebot serve` with the train environment's Python."""
    python = settings.environments.train_python
    threads = settings.servers.threads or max(1, len(os.sched_getaffinity(0)) // settings.server_count)

    def launch(model: Model, port: int, key: str) -> LaunchSpec:
        if not python.exists():
            raise JokebotError(
                f"The CPU engine needs the train environment, and {python} is not there. Run `make env-train`."
            )
        checkpoint, agreed = usable_checkpoint(model)
        command = [
            str(python),
            "-m",
            "bot",
            "serve",
            str(checkpoint.directory),
            "--port",
            str(port),
            "--name",
            model.name,
            "--api-key",
            "-",
            "--threads",
            str(threads),
            "--waiting",
            str(max(32, 2 * settings.in_flight)),
        ]
        return LaunchSpec(command, _cpu_environment(key, threads) | agreed, model.name, checkpoint.template)

    return launch


def _cpu_environment(key: str, threads: int) -> dict[str, str]:
    """A CPU engine's environment: this process's without the bot's settings and secrets, and the engine's own."""
    return child_environment(*INHERITED_SETTINGS) | {
        "PYTHONUNBUFFERED": "1",
        "JOKEBOT_ENGINE_API_KEY": key,
        "OMP_NUM_THREADS": str(threads),
        # Waiting threads must not spin on a core that they share during a swap.
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
    }


def lmdeploy_launcher(settings: Settings) -> Launcher:
    """Launches `lmdeploy serve api_server` with the serve environment's Python (bot/engine/lmdeploy/launcher.py)."""
    from bot.engine.lmdeploy.command_line import server_command, server_environment

    python = settings.environments.serve_python

    def launch(model: Model, port: int, key: str) -> LaunchSpec:
        if not python.exists():
            raise JokebotError(
                f"LMDeploy needs the serve environment, and {python} is not there. Run `make env-serve`."
            )
        # LMDeploy 0.18.0 exits if the model is named "base" (seen on an H100), hence the prefix.
        name = f"jokebot-{model.name}"
        checkpoint, agreed = usable_checkpoint(model)
        return LaunchSpec(
            server_command(checkpoint.directory, port, settings, name=name),
            server_environment(key) | agreed,
            name,
            checkpoint.template,
            sleeps=True,
            warm=WARM_UP_BURSTS,
        )

    return launch


def launcher_on(launch: Launcher, variables: Mapping[str, str]) -> Launcher:
    """A launcher whose servers also get these environment variables."""

    def launch_with(model: Model, port: int, key: str) -> LaunchSpec:
        spec = launch(model, port, key)
        return replace(spec, environment={**spec.environment, **variables})

    return launch_with


def make_launcher(settings: Settings) -> Launcher:
    """The launcher for the engine kind in the settings."""
    return lmdeploy_launcher(settings) if settings.engine.kind == "lmdeploy" else cpu_launcher(settings)
