"""How a server of each kind is started: its command line and environment."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import Settings
from storage.learning.model_files import check_code
from storage.learning.models import Model

PASSED_ON = ("JOKEBOT_CONFIG", "JOKEBOT_LIMITS_", "JOKEBOT_ENVIRONMENTS_", "JOKEBOT_LOG_")
"""The bot's environment variables that a CPU engine gets; it gets no other, the token among them."""
WARM_UP_BURSTS = (1, 1, 2, 4)
"""Photos at a time in each burst that warms an LMDeploy server up: alone, as most photos come, then batches."""


@dataclass(frozen=True)
class LaunchSpec:
    """How to start a server on a port of this host. It prints `listening on ADDRESS` when it is ready.

    The API key is in the environment and never in the command, which every user of the host can read. `name` is the
    model's name on the server. `sleeps`: POST /sleep frees its memory, POST /wakeup takes it back. `warm` are the
    bursts of warm-up photos before users' photos come: the first photos of a kind compile kernels for seconds.
    """

    command: list[str]
    environment: dict[str, str]
    name: str
    sleeps: bool = False
    warm: tuple[int, ...] = ()


Launcher = Callable[[Model, int, str], LaunchSpec]
"""Makes a Launch of a model, a port and an API key. Raises JokebotError where this host can't."""


def directory_of(model: Model) -> Path:
    """The model's checkpoint folder.

    Raises JokebotError where it isn't here, or its code is not what an admin agreed to.
    """
    if model.directory is None:
        raise JokebotError(f"The registry knows no directory for model {model.name}; set JOKEBOT_MODEL_DIRECTORY.")
    directory = Path(model.directory).absolute()
    if not (directory / "config.json").is_file():
        raise JokebotError(f"Model {model.name} is not at {directory}.")
    check_code(model, directory)
    return directory


def cpu_launcher(settings: Settings) -> Launcher:
    """`jokebot serve`, under the train environment."""
    python = settings.environments.train_python
    threads = settings.servers.threads or max(1, len(os.sched_getaffinity(0)) // settings.server_count)

    def launch(model: Model, port: int, key: str) -> LaunchSpec:
        if not python.exists():
            raise JokebotError(
                f"The CPU engine needs the train environment, and {python} is not there. Run `make env-train`."
            )
        command = [
            str(python),
            "-m",
            "bot",
            "serve",
            str(directory_of(model)),
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
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("JOKEBOT_") or name.startswith(PASSED_ON)
        }
        # Passive: threads that wait for each other must not spin on a core that they share during a swap.
        environment |= {
            "PYTHONUNBUFFERED": "1",
            "JOKEBOT_ENGINE_API_KEY": key,
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "PASSIVE",
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
        }
        return LaunchSpec(command, environment, model.name)

    return launch


def lmdeploy_launcher(settings: Settings) -> Launcher:
    """`lmdeploy serve api_server`, under the serve environment, through `bot/engine/lmdeploy/launcher.py`."""
    from bot.engine.lmdeploy.command_line import command, environment

    python = settings.environments.serve_python

    def launch(model: Model, port: int, key: str) -> LaunchSpec:
        if not python.exists():
            raise JokebotError(
                f"LMDeploy needs the serve environment, and {python} is not there. Run `make env-serve`."
            )
        # LMDeploy 0.18.0 exits for a model named "base" (seen on an H100), hence the prefix.
        name = f"jokebot-{model.name}"
        return LaunchSpec(
            command(directory_of(model), port, settings, name=name),
            environment(key),
            name,
            sleeps=True,
            warm=WARM_UP_BURSTS,
        )

    return launch


def launcher(settings: Settings) -> Launcher:
    """The launcher for the engine kind in the settings."""
    return lmdeploy_launcher(settings) if settings.engine.kind == "lmdeploy" else cpu_launcher(settings)
