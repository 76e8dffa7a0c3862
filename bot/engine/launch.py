"""How a server of each kind is started: its command line and environment. What supervises it knows no more than this."""
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import Settings
from storage.model_files import check_code
from storage.models import Model

KEPT = ("JOKEBOT_CONFIG", "JOKEBOT_LIMITS_", "JOKEBOT_ENVIRONMENTS_", "JOKEBOT_LOG_")
"""The bot's variables that a CPU engine reads as well; the others, the token first, are none of its business."""
WARM = (1, 1, 2, 4)
"""Photos at the same time in each burst that warms an LMDeploy server up: alone, as most people come, then some in one batch."""


@dataclass(frozen=True)
class Launch:
    """A server about to start on a port of this machine. It prints `listening on ADDRESS` when it is ready.

    The API key is in the environment and never in the command, which every user of the host can read.
    `sleeps`: it gives its memory back at POST /sleep, and takes it again at POST /wakeup. `warm` are numbers of full-sized
    photos that it is asked about at the same time before people's come: the first of a kind compile kernels, for seconds.
    `name` is what the server calls the model.
    """

    command: list[str]
    environment: dict[str, str]
    name: str
    sleeps: bool = False
    warm: tuple[int, ...] = ()


Launcher = Callable[[Model, int, str], Launch]
"""Makes a Launch of a model, a port and an API key. Raises JokebotError where this host can't."""


def directory_of(model: Model) -> Path:
    """Where the model's checkpoint is. Raises JokebotError where this host doesn't have it, or its code is not what was agreed to."""
    if model.directory is None:
        raise JokebotError(f"The registry knows no directory for model {model.name}; set JOKEBOT_MODEL_DIRECTORY.")
    directory = Path(model.directory).absolute()
    if not (directory / "config.json").is_file():
        raise JokebotError(f"Model {model.name} is not at {directory}.")
    check_code(model, directory)
    return directory


def cpu_launcher(settings: Settings) -> Launcher:
    """`jokebot engine cpu`, under the train environment."""
    python = settings.environments.train_python
    threads = settings.servers.threads or max(1, len(os.sched_getaffinity(0)) // settings.server_count)

    def launch(model: Model, port: int, key: str) -> Launch:
        if not python.exists():
            raise JokebotError(f"The CPU engine needs the train environment, and {python} is not there. Run `make env-train`.")
        command = [str(python), "-m", "bot", "engine", "cpu", str(directory_of(model)), "--port", str(port), "--name", model.name,
                   "--api-key", "-", "--threads", str(threads), "--waiting", str(max(32, 2 * settings.in_flight))]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("JOKEBOT_") or name.startswith(KEPT)}
        # Passive: threads that wait for each other must not spin on a core that they share during a swap.
        return Launch(command, {**kept, "PYTHONUNBUFFERED": "1", "JOKEBOT_ENGINE_API_KEY": key, "OMP_NUM_THREADS": str(threads),
                                "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}, model.name)
    return launch


def lmdeploy_launcher(settings: Settings) -> Launcher:
    """`lmdeploy serve api_server`, under the serve environment, through `bot/engine/lmdeploy/launcher.py`."""
    from bot.engine.lmdeploy.start import command, environment

    python = settings.environments.serve_python

    def launch(model: Model, port: int, key: str) -> Launch:
        if not python.exists():
            raise JokebotError(f"LMDeploy needs the serve environment, and {python} is not there. Run `make env-serve`.")
        # Never a bare name: LMDeploy 0.18.0 ends where a model is called "base" (met on an H100).
        name = f"jokebot-{model.name}"
        return Launch(command(directory_of(model), port, settings, name=name), environment(key), name, sleeps=True, warm=WARM)
    return launch


def launcher(settings: Settings) -> Launcher:
    """The launcher of the kind in the settings."""
    return lmdeploy_launcher(settings) if settings.engine.kind == "lmdeploy" else cpu_launcher(settings)
