"""The demo: sandbox, CPU engine and bot as child processes of one command, on free ports of this machine.

`jokebot demo` keeps them running and prints the page's address; `jokebot demo --check` plays a person through the page's
own HTTP interface (bot/demo_check.py). Nothing here is known to the parts: they are told where their peers are through
the settings that anyone else would use.
"""
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.engine.child import Child, start_child
from configs.errors import JokebotError
from configs.settings import ROOT, Settings

PHOTO_NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "camera.png", "coins.png",
               "moon.png", "hubble_deep_field.jpg", "clock_motion.png")
"""Real photos in scikit-image's wheel; their sources are listed in its own data folder."""


@dataclass(frozen=True)
class Demo:
    """The running parts: the page's address, the engine's, the bot's data folder and the model's name."""

    page: str
    engine: str
    data: Path
    model: str


def photos(settings: Settings) -> Path:
    """The folder of scikit-image's photos in the train environment."""
    found = sorted((settings.environments.train_python.parent.parent / "lib").glob("python*/site-packages/skimage/data"))
    if not found:
        raise JokebotError("scikit-image's photos are not there; run `make env-train`.")
    return found[0]


def demo_model(settings: Settings) -> Path:
    """The demo model's directory; made on the first call (seconds)."""
    directory = settings.storage.directory / "demo-model"
    if not (directory / "config.json").exists():
        print("Making the demo model …", flush=True)
        subprocess.run([str(settings.environments.train_python), "-m", "bot", "demo-model", "random", "--shape", "tiny",
                        "--seed", "0", "--out", str(directory)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return directory


@contextmanager
def running(settings: Settings, *, data: Path, port: int = 0) -> Iterator[Demo]:
    """Start the three parts, yield when all answer, end them at the end."""
    token, key = f"123456:{secrets.token_urlsafe(24)}", secrets.token_urlsafe(24)
    model, logs = demo_model(settings), data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    train = str(settings.environments.train_python)
    with ExitStack() as stack:
        def start(name: str, command: list[str], **variables: str) -> Child:
            environment = {**os.environ, "JOKEBOT_STORAGE_DIRECTORY": str(data), "PYTHONUNBUFFERED": "1", **variables}
            child = start_child(name, command, log=logs / f"{name}.log", environment=environment, cwd=ROOT)
            stack.callback(child.stop)
            return child

        sandbox = start("sandbox", [sys.executable, "-m", "bot", "sandbox", "--port", str(port), "--samples",
                                    str(photos(settings))], JOKEBOT_TELEGRAM_TOKEN=token)
        engine = start("engine", [train, "-m", "bot", "engine", "cpu", str(model), "--port", "0"], JOKEBOT_ENGINE_API_KEY=key)
        page, engine_url = sandbox.wait_ready(), engine.wait_ready()
        bot = start("bot", [sys.executable, "-m", "bot", "run"], JOKEBOT_TELEGRAM_TOKEN=token, JOKEBOT_TELEGRAM_BASE_URL=page,
                    JOKEBOT_ENGINE_URL=f"{engine_url}/v1", JOKEBOT_ENGINE_API_KEY=key,
                    JOKEBOT_MODEL_NAME="demo", JOKEBOT_MODEL_DIRECTORY=str(model))
        bot.wait_ready()
        yield Demo(page, engine_url, data, model.name)
