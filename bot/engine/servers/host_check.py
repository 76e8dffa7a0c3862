"""Checks whether this host can run the servers of the settings' kind: what can't come right by waiting.

`jokebot run` ends with the message instead of retrying; `jokebot doctor` shows the same.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import Settings

PROBE_TIMEOUT_S = 60
"""A Python starts in a tenth of a second, and in many on a busy machine; a hanging driver never answers."""
NO_GPU = "set JOKEBOT_ENGINE_KIND to `cpu`, or to `url` for an engine on another host"


class HostError(JokebotError):
    """This host can't run the servers of the settings. `todo` says what to do."""

    def __init__(self, message: str, todo: str) -> None:
        super().__init__(f"{message}: {todo}.")
        self.message, self.todo = message, todo


def check_host(settings: Settings) -> None:
    """Raise HostError if an environment or the NVIDIA driver is missing that the kind of the settings needs."""
    environments, kind = settings.environments, settings.engine.kind
    if kind == "cpu":
        _check_environment("train", environments.train_python, "torch", "The CPU engine")
    elif kind == "lmdeploy":
        _check_driver([*settings.lmdeploy.gpu_ids, *settings.training.gpu_ids])
        _check_environment("serve", environments.serve_python, "lmdeploy", "LMDeploy")


def _check_driver(gpu_ids: Sequence[str]) -> None:
    if shutil.which("nvidia-smi") is None:
        raise HostError("LMDeploy needs an NVIDIA GPU, and this host has no driver for one", NO_GPU)
    try:
        asked = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S)
    except OSError as error:
        raise HostError(f"nvidia-smi can't be run ({error.strerror})", NO_GPU) from error
    except subprocess.TimeoutExpired:
        raise HostError("The NVIDIA driver does not answer (nvidia-smi -L hangs)", "restart the host") from None
    if asked.returncode or "GPU " not in asked.stdout:
        said = " ".join((asked.stdout + asked.stderr).split())[:160] or f"code {asked.returncode}"
        raise HostError(f"LMDeploy needs an NVIDIA GPU, and the driver shows none ({said})", f"repair it, or {NO_GPU}")
    found = sum(line.startswith("GPU ") for line in asked.stdout.splitlines())
    for gpu_id in gpu_ids:
        if not (int(gpu_id) < found if gpu_id.isdecimal() else gpu_id in asked.stdout):
            raise HostError(
                f"The settings name the GPU {gpu_id}, and the driver shows {found} (from 0 on)",
                "correct lmdeploy.gpu_ids and training.gpu_ids; `nvidia-smi -L` lists the GPUs",
            )


def _check_environment(name: str, python: Path, package: str, who: str) -> None:
    """Check that an environment's Python exists and has the package, without importing it."""
    if not python.exists():
        raise HostError(f"{who} needs the {name} environment, and {python} is not there", f"run `make env-{name}`")
    code = f"import importlib.util as util, sys; sys.exit(3 * (util.find_spec({package!r}) is None))"
    try:
        asked = subprocess.run([str(python), "-c", code], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"{python} can't be run ({error})", f"delete .venv/{name} and run `make env-{name}`") from error
    if asked.returncode == 3:
        raise HostError(f"{who} needs the {name} environment, and {python} has no {package}", f"run `make env-{name}`")
    if asked.returncode:
        said = " ".join(asked.stderr.split())[-160:] or f"code {asked.returncode}"
        raise HostError(f"{python} can't be run ({said})", f"delete .venv/{name} and run `make env-{name}`")
