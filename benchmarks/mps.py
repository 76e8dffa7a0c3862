"""NVIDIA's Multi-Process Service: several servers' kernels on one GPU at the same time, instead of in turns.

Without it a GPU gives processes time slices; with it, one server's decoding, which waits for memory, runs beside
another's reading of photos, which waits for arithmetic. It is a program of the driver's (`nvidia-cuda-mps-control`),
for one user, and changes no setting of the card. A process that is told of a service that is not there runs as without
it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from configs.errors import JokebotError

PROGRAM = "nvidia-cuda-mps-control"
PLACES = ("/usr/local/nvidia/bin", "/usr/bin", "/opt/bin")
LIMIT_S = 20


class MpsError(JokebotError):
    """The service can't be started; servers take turns then."""


def variables(folder: Path) -> dict[str, str]:
    """What a process needs in its environment to use the service of that folder."""
    return {"CUDA_MPS_PIPE_DIRECTORY": str(folder / "pipe"), "CUDA_MPS_LOG_DIRECTORY": str(folder / "log")}


def find() -> str | None:
    """The program's path, or None where this host has none."""
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path=os.pathsep.join(PLACES))


@contextmanager
def service(folder: Path) -> Iterator[dict[str, str]]:
    """The service during the block; the variables its users need. Raises MpsError."""
    program = find()
    if program is None:
        raise MpsError(f"This host has no {PROGRAM}.")
    told = variables(folder)
    for place in told.values():
        Path(place).mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, **told}
    try:
        subprocess.run(
            [program, "-d"],
            env=environ,
            check=True,
            timeout=LIMIT_S,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MpsError(f"{PROGRAM} can't be started: {getattr(error, 'stderr', '') or error}") from error
    try:
        yield told
    finally:
        stop(program, environ)


def stop(program: str, environ: dict[str, str]) -> None:
    """End the service; its users should have ended before."""
    try:
        subprocess.run([program], input="quit\n", env=environ, timeout=LIMIT_S, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        # It waits for users that are still there; with the last of them it ends.
        subprocess.run([program], input="quit -t 1\n", env=environ, timeout=LIMIT_S, capture_output=True, text=True)
