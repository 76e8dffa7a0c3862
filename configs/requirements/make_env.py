"""Make one of the project's environments: `python3 configs/requirements/make_env.py bot|train|serve|docs|lmdeploy-cpu`.

Called by the Makefile with the system's Python; standard library only. An environment is `.venv/NAME`, filled by pip
from the locks `configs/requirements/*.txt` (make_locks.py) with `--require-hashes --no-deps`: a lock is complete, and
XTuner's own pins differ from it. torch is in no lock but serve's: the host decides which build the train environment
gets. A stamp in the folder records the locks, so a second call is quick. A container image is built where there is no
NVIDIA driver and perhaps none of our code yet: `--image cpu|gpu` names the kind (configs/deploy/Dockerfile).
"""

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TORCH = "2.13.0"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""PyTorch's index of CPU builds, as its installation page names it. The variable TORCH_CPU_INDEX overrides it."""
LOCKS = {"bot": ["bot", "dev"], "train": ["train", "dev"], "serve": ["serve"], "docs": ["docs"]}
"""Environment → its locks. An image gets the first of them only."""
DOWNLOAD_MB = {"bot": 150, "train": 440, "serve": 4300, "docs": 80, "lmdeploy-cpu": 110, "deepspeed": 3}
"""Size of an environment's wheels without torch; measured 2026-11-29 on x86-64, Python 3.11."""
ADDED = "deepspeed"
"""Not an environment either: packages that are added to the train environment."""
TORCH_MB = {"cpu": 190, "gpu": 2700}
REPORT_EVERY_S = 5.0
PARTS = "lmdeploy-cpu"
"""Not an environment but a folder beside the train environment: LMDeploy's Python code for tests on hosts without
CUDA.
"""
BINARIES = ("lmdeploy/lib", "lmdeploy/turbomind/lib", "lmdeploy/turbomind/lib64")


class EnvironmentFailure(Exception):
    """An environment could not be made; the message says what to do."""


def has_nvidia_driver() -> bool:
    """Whether this host has an NVIDIA driver, judged by its control tool."""
    return shutil.which("nvidia-smi") is not None


def environment_stamp(name: str, *, gpu: bool) -> str:
    parts = [platform.python_version(), f"torch {TORCH} {gpu}" if name == "train" else ""]
    parts += [(HERE / f"{lock}.txt").read_text() for lock in LOCKS.get(name, [name])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def locks_of(name: str, *, image: str = "") -> list[str]:
    locks = LOCKS.get(name, [name])
    return locks[:1] if image else locks


def announce(name: str, folder: Path, *, image: str = "") -> None:
    """Print what is fetched and how much, before the first byte."""
    text = "".join((HERE / f"{lock}.txt").read_text() for lock in locks_of(name, image=image))
    count = len(set(re.findall(r"^[\w.-]+==", text, re.MULTILINE)))
    place = folder.relative_to(ROOT)
    print(f"Making {place}: {count} packages, about {DOWNLOAD_MB[name]} MB from pip's index …", flush=True)


def run_pip(python: Path, *arguments: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run pip; every REPORT_EVERY_S seconds a line says what it does. `quiet`: its errors are returned, not shown."""
    command = [str(python), "-m", "pip", "install", "--progress-bar=off", "--disable-pip-version-check", "--retries=10"]
    pip = subprocess.Popen(
        [*command, *arguments],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if quiet else None,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    lines: deque[str] = deque(maxlen=1)
    errors: list[str] = []
    readers = [
        threading.Thread(target=kept.extend, args=(stream or (),), daemon=True)
        for kept, stream in ((lines, pip.stdout), (errors, pip.stderr))
    ]
    for reader in readers:
        reader.start()
    started = time.monotonic()
    while pip.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            pip.wait(REPORT_EVERY_S)
        if pip.returncode is None:
            print(
                f"  {time.monotonic() - started:.0f} s: {shortened(lines[-1]) if lines else 'pip starts'}", flush=True
            )
    for reader in readers:
        reader.join()
    return subprocess.CompletedProcess(command, pip.returncode, "", "".join(errors))


def shortened(line: str) -> str:
    """A line of pip's output, for example "Downloading numpy-2.4.1-….whl (16.4 MB)", in at most 100 characters."""
    line = " ".join(line.split()).split(" (from ")[0]
    return line if len(line) <= 100 else f"{line[:99]}…"


def pip(python: Path, *arguments: str) -> None:
    """Raises EnvironmentFailure if pip fails."""
    if run_pip(python, *arguments).returncode:
        raise EnvironmentFailure(f"pip could not install {' '.join(arguments)}; its message is above.")


def install_locks(python: Path, names: list[str], *options: str) -> None:
    lists = [part for name in names for part in ("-r", str(HERE / f"{name}.txt"))]
    pip(python, "--require-hashes", "--no-deps", *options, *lists)


def install_torch(python: Path, *, gpu: bool) -> None:
    """Install the CUDA build with its libraries, or the CPU build.

    The CPU build is asked for by its exact version, so that pip never takes gigabytes of CUDA instead. It comes from
    the configured pip if that finds one, else from PyTorch's own CPU index.
    """
    if gpu:
        print(f"Fetching torch {TORCH} with CUDA, about {TORCH_MB['gpu']} MB …", flush=True)
        return pip(python, f"torch=={TORCH}")
    wanted, index = f"torch=={TORCH}+cpu", os.environ.get("TORCH_CPU_INDEX") or CPU_INDEX
    print(f"Fetching torch {TORCH}, the CPU build, about {TORCH_MB['cpu']} MB …", flush=True)
    configured = run_pip(python, "--no-deps", wanted, quiet=True)
    if configured.returncode == 0:
        return None
    print(f"The configured pip has no CPU build of torch. Fetching it from {index} …", flush=True)
    if run_pip(python, "--no-deps", "--index-url", index, wanted).returncode == 0:
        return None
    said = configured.stderr.strip()
    raise EnvironmentFailure(
        f"The CPU build of torch ({wanted}) could not be fetched. The configured pip said:\n{said}\n"
        f"{index} failed too; pip's message is above. Set TORCH_CPU_INDEX to another index of PyTorch's CPU builds, or "
        "PIP_FIND_LINKS to a folder with the wheel, and run this again (docs/environments.md)."
    )


def make(name: str, *, image: str = "") -> None:
    """Make an environment if it is missing or its locks have changed.

    `image` ("cpu", "gpu"): without test tools and without our own code. Raises EnvironmentFailure.
    """
    gpu = image == "gpu" or not image and has_nvidia_driver()
    if name == "serve" and not gpu:
        raise EnvironmentFailure(
            "This host has no NVIDIA driver, and LMDeploy needs one: the serve environment is not made. "
            "`jokebot serve` serves models on a CPU."
        )
    folder, wanted = ROOT / ".venv" / name, environment_stamp(name, gpu=gpu)
    stamp = folder / "jokebot-stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    announce(name, folder, image=image)
    stamp.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    python = folder / "bin" / "python"
    # torch first, because its build may not be found. The locks then replace what it brought by the locked versions.
    if name == "train":
        install_torch(python, gpu=gpu)
    install_locks(python, locks_of(name, image=image))
    if not image:
        pip(python, "--no-deps", "-e", str(ROOT))
    stamp.write_text(wanted)


def make_parts() -> None:
    """Fill the folder of LMDeploy's Python code by the train environment's pip.

    LMDeploy's CUDA engine, 260 MB that no test can load, is dropped.
    """
    folder, wanted = ROOT / ".venv" / PARTS, environment_stamp(PARTS, gpu=False)
    stamp = folder / "jokebot-stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    announce(PARTS, folder)
    shutil.rmtree(folder, ignore_errors=True)
    install_locks(ROOT / ".venv/train/bin/python", [PARTS], "--no-compile", "--target", str(folder))
    for binaries in (*(folder / name for name in BINARIES), *folder.glob("lmdeploy/turbomind/*.so")):
        shutil.rmtree(binaries) if binaries.is_dir() else binaries.unlink(missing_ok=True)
    stamp.write_text(wanted)


def add_deepspeed() -> None:
    """Add DeepSpeed to the train environment, without its CUDA extensions, which no training here uses.

    Its source package is built with the environment's own torch.
    """
    folder = ROOT / ".venv" / "train"
    stamp, wanted = folder / f"{ADDED}-stamp", environment_stamp(ADDED, gpu=False)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    announce(ADDED, folder)
    os.environ["DS_BUILD_OPS"] = "0"
    install_locks(folder / "bin" / "python", [ADDED], "--no-build-isolation")
    stamp.write_text(wanted)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=sorted([*LOCKS, PARTS, ADDED]))
    parser.add_argument("--image", choices=["cpu", "gpu"], default="", help="for a container image of that kind")
    arguments = parser.parse_args()
    try:
        others = {PARTS: make_parts, ADDED: add_deepspeed}
        others[arguments.name]() if arguments.name in others else make(arguments.name, image=arguments.image)
    except EnvironmentFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
