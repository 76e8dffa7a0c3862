"""Make one of the project's environments: `python3 configs/requirements/make_env.py bot|train|serve|docs|lmdeploy-cpu`.

Called by the Makefile with the system's Python; standard library only. An environment is `.venv/NAME`, filled from the
lock `configs/requirements/NAME.txt`. A stamp beside it records what it was made from, so a second call is quick. Locks
are renewed by `make lock`, which calls this with `--lock`. A container image is built where there is no NVIDIA driver
and perhaps none of our code yet: `--image cpu|gpu` says for what it is (configs/deploy/Dockerfile).
"""

import argparse
import hashlib
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TORCH = "2.13.0"
# Installed after the lock and without their dependencies: xtuner pins packages that fail on CPU hosts
# (docs/environments.md); torchvision pins the CUDA build of torch, and timm, which OpenGVLab's code imports,
# torchvision.
NO_DEPENDENCIES = {"train": ["xtuner==0.2.0", "torchvision==0.28.0", "timm==1.0.31"]}
PARTS = "lmdeploy-cpu"
"""Not an environment but a folder beside the train environment: LMDeploy's Python code for tests on hosts without
CUDA.
"""
BINARIES = ("lmdeploy/lib", "lmdeploy/turbomind/lib", "lmdeploy/turbomind/lib64")
LISTS = {"bot": ["bot", "dev"], "train": ["train"], "serve": ["serve"], "docs": ["docs"]}


class EnvironmentFailure(Exception):
    """An environment could not be made; the message says what to do."""


def has_nvidia_driver() -> bool:
    """Whether this host has an NVIDIA driver, judged by its control tool."""
    return shutil.which("nvidia-smi") is not None


def torch_requirement(*, gpu: bool) -> str:
    """The torch to ask pip for: the CPU build by its exact version, so that pip cannot take gigabytes of CUDA
    instead.
    """
    return f"torch=={TORCH}" if gpu else f"torch=={TORCH}+cpu"


def stamp_of(name: str, *, gpu: bool) -> str:
    parts = [
        platform.python_version(),
        *NO_DEPENDENCIES.get(name, []),
        torch_requirement(gpu=gpu) if name == "train" else "",
    ]
    parts += [(HERE / f"{listed}.txt").read_text() for listed in LISTS[name]]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def pip(python: Path, *arguments: str) -> None:
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "10", *arguments]
    )
    if done.returncode:
        raise EnvironmentFailure(f"pip could not install {' '.join(arguments)}; its message is above.")


def install_torch(python: Path, *, gpu: bool) -> None:
    try:
        pip(python, torch_requirement(gpu=gpu))
    except EnvironmentFailure as failure:
        raise EnvironmentFailure(
            f"{failure}\nThis is for no NVIDIA GPU, so the CPU build of torch is wanted and pip did not find it. "
            "Set PIP_EXTRA_INDEX_URL to the CPU index named on PyTorch's installation page, or PIP_FIND_LINKS to a "
            "folder with the wheel, and run this again (docs/environments.md)."
            if not gpu
            else str(failure)
        ) from None


def make(name: str, *, lock: bool, image: str = "") -> None:
    """Make an environment where it isn't there as locked.

    `image` ("cpu", "gpu"): without test tools and without our own code.
    """
    gpu = image == "gpu" or not image and has_nvidia_driver()
    if name == "serve" and not gpu:
        raise EnvironmentFailure(
            "This host has no NVIDIA driver, and LMDeploy runs on nothing else here: the serve "
            "environment is not made. `jokebot serve` serves models on a CPU."
        )
    folder = ROOT / ".venv" / name
    stamp = folder / "jokebot-stamp"
    if not lock and stamp.exists() and stamp.read_text() == stamp_of(name, gpu=gpu):
        return
    print(f"Making the {name} environment in {folder.relative_to(ROOT)} …", flush=True)
    python = folder / "bin" / "python"
    stamp.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    if name == "train":
        install_torch(python, gpu=gpu)
    for listed in LISTS[name][:1] if image else LISTS[name]:
        pip(python, "-r", str(HERE / f"{listed}.{'in' if lock else 'txt'}"))
        if lock:
            write_lock(python, listed)
    if NO_DEPENDENCIES.get(name):
        pip(python, "--no-deps", *NO_DEPENDENCIES[name])
    if not image:
        pip(python, "--no-deps", "-e", str(ROOT))
    stamp.write_text(stamp_of(name, gpu=gpu))


def make_parts() -> None:
    """Fill the folder by the train environment's pip.

    LMDeploy's CUDA engine, 260 MB that nothing here can load, is dropped.
    """
    folder, wanted = ROOT / ".venv" / PARTS, HERE / f"{PARTS}.txt"
    stamp = folder / "jokebot-stamp"
    mark = hashlib.sha256(f"{platform.python_version()}\n{wanted.read_text()}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == mark:
        return
    print(f"Making {folder.relative_to(ROOT)} …", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    pip(
        ROOT / ".venv" / "train" / "bin" / "python",
        "--no-deps",
        "--no-compile",
        "--target",
        str(folder),
        "-r",
        str(wanted),
    )
    for binaries in (*(folder / name for name in BINARIES), *folder.glob("lmdeploy/turbomind/*.so")):
        shutil.rmtree(binaries) if binaries.is_dir() else binaries.unlink(missing_ok=True)
    stamp.write_text(mark)


def write_lock(python: Path, listed: str) -> None:
    # --all, because pip otherwise leaves setuptools out, of which mmengine needs an old one.
    frozen = subprocess.run(
        [str(python), "-m", "pip", "freeze", "--all"], check=True, capture_output=True, text=True
    ).stdout
    known = set((HERE / "bot.txt").read_text().split("\n")) if listed == "dev" else set()
    lines = [
        line
        for line in frozen.splitlines()
        if line not in known and not line.startswith(("torch==", "-e ", "jokebot", "pip==", "wheel=="))
    ]
    write_list(listed, lines)


def write_list(listed: str, lines: list[str]) -> None:
    head = f"# Made by `make lock` from {listed}.in. Do not edit.\n"
    (HERE / f"{listed}.txt").write_text(head + "\n".join(lines) + "\n")


def lock_serve() -> None:
    """Resolve the serve environment without installing it: several gigabytes, of use on a GPU host alone."""
    report = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--dry-run",
            "--ignore-installed",
            "--report",
            "-",
            "-r",
            str(HERE / "serve.in"),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = (item["metadata"] for item in json.loads(report)["install"])
    write_list("serve", sorted((f"{item['name']}=={item['version']}" for item in found), key=str.lower))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=sorted([*LISTS, PARTS]))
    parser.add_argument("--lock", action="store_true", help="resolve the .in list anew and write the lock")
    parser.add_argument("--image", choices=["cpu", "gpu"], default="", help="for a container image of that kind")
    arguments = parser.parse_args()
    try:
        if arguments.name == PARTS:
            make_parts()
        elif arguments.lock and arguments.name == "serve":
            lock_serve()
        else:
            make(arguments.name, lock=arguments.lock, image=arguments.image)
    except EnvironmentFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
