"""NVIDIA's Multi-Process Service (MPS): kernels of several processes run on one GPU at the same time.

Without MPS the GPU gives each process time slices. With it, one server's decoding (memory-bound) overlaps another's
photo encoding (compute-bound). MPS is a program of the driver (`nvidia-cuda-mps-control`) for one user and changes no
setting of the GPU. A process configured for a service that does not run works as without MPS.
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
    """MPS can't be started; servers then get time slices."""


def variables(folder: Path) -> dict[str, str]:
    """Environment variables for processes that use the service in this folder."""
    return {"CUDA_MPS_PIPE_DIRECTORY": str(folder / "pipe"), "CUDA_MPS_LOG_DIRECTORY": str(folder / "log")}


def find() -> str | None:
    """The path of the MPS program; None if the host has none."""
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path=os.pathsep.join(PLACES))


@contextmanager
def service(folder: Path) -> Iterator[dict[str, str]]:
    """Run the service during the block; yields its clients' variables. Raises MpsError if it does not start."""
    program = find()
    if program is None:
        raise MpsError(f"This host has no {PROGRAM}.")
    client_variables = variables(folder)
    for directory in client_variables.values():
        Path(directory).mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, **client_variables}
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
        yield client_variables
    finally:
        stop(program, environ)


def stop(program: str, environ: dict[str, str]) -> None:
    """Stop the service; its clients should have ended before."""
    try:
        subprocess.run([program], input="quit\n", env=environ, timeout=LIMIT_S, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        # The service ends after its last client.
        subprocess.run([program], input="quit -t 1\n", env=environ, timeout=LIMIT_S, capture_output=True, text=True)
