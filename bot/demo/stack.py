"""The demo: sandbox and bot as child processes of one command, on free ports of this machine; the bot runs its CPU
engine.

`jokebot demo` keeps them running and prints the page's address; `jokebot demo --check` plays a person through the
page's own HTTP interface (bot/demo/check.py). Nothing here is known to the parts: they are told where their peers are
through the settings that anyone else would use.
"""

import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.runtime.child_process import ChildProcess, start_child
from bot.sandbox.server import TOKEN
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.errors import JokebotError
from configs.settings import ROOT, Settings

WATCH_S = 0.5
DEMO_MODEL = ROOT / "configs" / "demo-model" / "checkpoint"
DRAWN_SAMPLES = ROOT / "configs" / "demo-model" / "samples"
REAL_SAMPLES = 4
PHOTO_NAMES = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "camera.png",
    "coins.png",
    "hubble_deep_field.jpg",
    "moon.png",
    "clock_motion.png",
)
"""Real photos in scikit-image's wheel; their sources are listed in its own data folder."""
LEARNING = {
    "SELECTION_HOLDOUT_SHARE": "0.35",
    "RETRAIN_CRON": "",
    "RETRAIN_PAIRS": "0",
    "RETRAIN_MINIMUM_PAIRS": "5",
    "CANARY_RATINGS": "40",
    "CANARY_EARLY_RATINGS": "4",
    "TRAINING_LEARNING_RATE": "1e-3",
    "TRAINING_LORA_RANK": "16",
    "TRAINING_LORA_ALPHA": "32",
    "TRAINING_LORA_DROPOUT": "0",
    "TRAINING_EPOCHS": "1",
    "TRAINING_BATCH_SIZE": "8",
    "TRAINING_ACCUMULATION": "1",
    "TRAINING_WORKERS": "0",
}
"""The demo learns when its admin says so, from as few jokes as one person rates, and in a way that suits so small a
model. Of a dozen photos a tenth may be none, and without a held-out photo the gate has nothing to judge by; of the
page's own ones these are five."""


@dataclass(frozen=True)
class DemoStack:
    """The running parts: the page's address, the bot's data folder and the model's name."""

    page: str
    data: Path
    model: str
    children: tuple[ChildProcess, ...]

    def wait(self) -> None:
        """Stay for as long as all parts run. Raises JokebotError, which names the one that ended and its log."""
        while all(child.running for child in self.children):
            time.sleep(WATCH_S)
        ended = next(child.name for child in self.children if not child.running)
        raise JokebotError(f"The {ended} ended by itself; {self.data / 'logs' / ended}.log says why.")


def photos(settings: Settings) -> Path:
    """The folder of scikit-image's photos in the train environment."""
    found = sorted(
        (settings.environments.train_python.parent.parent / "lib").glob("python*/site-packages/skimage/data")
    )
    if not found:
        raise JokebotError("scikit-image's photos are not there; run `make env-train`.")
    return found[0]


def samples(settings: Settings, data: Path) -> Path:
    """A folder of links to the pictures that the page offers: drawings, which the demo model knows, then photos,
    which it doesn't.
    """
    folder = data / "samples"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    real = [photos(settings) / name for name in PHOTO_NAMES[:REAL_SAMPLES]]
    for number, picture in enumerate([*sorted(DRAWN_SAMPLES.glob("*.jpg")), *real], 1):
        (folder / f"{number:02} {picture.name}").symlink_to(picture)
    return folder


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port that a child may listen on (with SO_REUSEADDR, as aiohttp does) and that nobody else is given: it stays
    bound here.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextmanager
def running(settings: Settings, *, data: Path, port: int = 0) -> Iterator[DemoStack]:
    """Start the two parts, yield when all are ready, end them at the end.

    Raises ChildFailed where one doesn't start.
    """
    data = data.absolute()  # the parts run in the program's own folder
    logs = data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    variables = {
        **os.environ,
        **{f"JOKEBOT_{name}": value for name, value in LEARNING.items()},
        "JOKEBOT_TELEGRAM_ADMINS": str(FIRST_USER_ID),
        "PYTHONUNBUFFERED": "1",
        "JOKEBOT_STORAGE_DIRECTORY": str(data),
        "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
        "JOKEBOT_ENGINE_KIND": "cpu",
        "JOKEBOT_MODEL_NAME": "demo",
        "JOKEBOT_MODEL_DIRECTORY": str(DEMO_MODEL),
    }
    with ExitStack() as stack:
        address = f"127.0.0.1:{stack.enter_context(reserved_port())}"
        variables |= {
            "JOKEBOT_PANEL_LISTEN": address,
            "JOKEBOT_PANEL_URL": f"http://{address}",
            "JOKEBOT_PANEL_KEY": secrets.token_urlsafe(),
        }

        def start(name: str, python: Path | str, *command: str) -> ChildProcess:
            child = start_child(
                name, [str(python), "-m", "bot", *command], log=logs / f"{name}.log", environment=variables, cwd=ROOT
            )
            return stack.enter_context(child)

        sandbox = start(
            "sandbox", sys.executable, "sandbox", "--port", str(port), "--samples", str(samples(settings, data))
        )
        variables["JOKEBOT_TELEGRAM_BASE_URL"] = page = sandbox.wait_ready()
        bot = start("bot", sys.executable, "run")
        bot.wait_ready()
        yield DemoStack(page, data, "demo", (sandbox, bot))
