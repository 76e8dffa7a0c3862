"""`pip install .` alone, from an index on loopback, gives a `jokebot run` that answers photos by an engine at a URL."""

import asyncio
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from bot.engine.stub.engine import StubEngine
from bot.sandbox.keyboards import callback_data
from bot.sandbox.server import Sandbox
from configs import __version__
from configs.settings import ROOT
from tests.bot.conftest import TOKEN, make_picture
from tests.packaging.loopback_index import loopback_index, normalized
from tests.packaging.pip_environment import isolated_pip

LOCK = ROOT / "configs" / "requirements" / "bot.txt"
BUILD_BACKEND = "setuptools==80.10.2"
WAIT_S = 300


def pip(python: Path | str, *arguments: str, **options: object) -> None:
    subprocess.run([python, "-m", "pip", *arguments], check=True, timeout=WAIT_S, **options)


def repack(package: Distribution, folder: Path) -> None:
    """Write an installed package as a wheel again, without what its installation wrote outside site-packages."""
    tag = re.findall(r"^Tag: (\S+)$", package.read_text("WHEEL"), re.MULTILINE)[-1]
    files = [file for file in package.files if ".." not in file.parts and file.suffix != ".pyc"]
    wheel_name = f"{normalized(package.name).replace('-', '_')}-{package.version}-{tag}.whl"
    with zipfile.ZipFile(folder / wheel_name, "w") as wheel:
        for file in files:
            if file.name not in ("RECORD", "INSTALLER", "REQUESTED"):
                wheel.write(file.locate(), str(file))
        record = next(str(file) for file in files if file.name == "RECORD" and file.parent.suffix == ".dist-info")
        wheel.writestr(record, "".join(f"{name},,\n" for name in [*wheel.namelist(), record]))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lock's packages as wheels, made of the bot environment's, and the build backend from the configured pip."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE):
        repack(distribution(name), folder)
    pip(sys.executable, "download", "--quiet", "--no-deps", "--dest", str(folder), BUILD_BACKEND)
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """A fresh virtual environment with Jokebot, installed from a copy of the sources."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    for name in ("bot", "configs", "storage", "trainer"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    with loopback_index(wheels) as index:
        environment = isolated_pip(folder, index.url)
        pip(venv / "bin" / "python", "install", "--quiet", "--no-compile", str(source), env=environment, cwd=folder)
    return venv


def test_the_package_has_its_version_licence_and_data(installed):
    program = (
        "import configs, importlib.metadata as m; from pathlib import Path; d = m.metadata('jokebot');"
        "print(d['Version'], d['License-Expression'], len(m.files('jokebot')), Path(configs.__file__).parents[1],"
        "sorted(d.get_all('License-File')))"
    )
    done = subprocess.run(
        [installed / "bin" / "python", "-P", "-c", program], capture_output=True, text=True, check=True, cwd=installed
    )
    assert done.stdout.startswith(f"{__version__} Apache-2.0 ") and str(installed) in done.stdout
    assert "'LICENSE', 'NOTICE', 'configs/demo-model/NOTICE'" in done.stdout
    packages = next(installed.glob("lib/python*/site-packages"))
    tracked = subprocess.run(
        ["git", "ls-files", "bot", "configs", "storage", "trainer"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    ).stdout.split()
    assert [file for file in tracked if (ROOT / file).exists() and not (packages / file).exists()] == []


async def test_the_installed_bot_answers_a_photo(installed, tmp_path):
    async with Sandbox.running(port=0, token=TOKEN) as sandbox, StubEngine.running(text="It works.") as engine:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
            "JOKEBOT_TELEGRAM_BASE_URL": sandbox.url,
            "JOKEBOT_ACCESS_STRANGERS": "allow",
            "JOKEBOT_ENGINE_URL": engine.url,
            "JOKEBOT_STORAGE_DIRECTORY": str(tmp_path / "data"),
        }
        program = installed / "bin" / "jokebot"
        process = await asyncio.create_subprocess_exec(program, "run", cwd=tmp_path, env=environment)
        try:
            world = sandbox.world
            alice = next(iter(world.users))
            world.send_photo(alice, alice, make_picture())
            await world.wait_for(lambda _: any(map(callback_data, world.messages(alice))), WAIT_S)
            (joke,) = (one for one in world.messages(alice) if callback_data(one))
            assert "It works." in (joke.get("caption") or joke.get("text"))
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), WAIT_S)
    assert process.returncode == 0
