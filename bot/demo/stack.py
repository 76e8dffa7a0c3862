"""The demo: the sandbox and a bot with the CPU engine, as child processes of one command, on free local ports.

`jokebot demo` keeps them running and prints the page's address. `jokebot demo --check` simulates a user through the
page's HTTP interface (bot/demo/check.py). The processes get each other's addresses through the usual settings.
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

from bot.demo.players import scripted_players
from bot.runtime.child_process import ChildProcess, start_child
from bot.sandbox.server import TOKEN
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.errors import JokebotError
from configs.settings import ROOT, Settings

POLL_INTERVAL_S = 0.5
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
"""Real photos in scikit-image's wheel; their sources are listed in its data folder."""
DEMO_SETTINGS = {
    "ACCESS_STRANGERS": "allow",
    "SELECTION_HOLDOUT_SHARE": "0.35",
    "RETRAIN_CRON": "",
    "RETRAIN_START_AT_NEW_PAIRS": "0",
    "RETRAIN_MIN_PAIRS": "5",
    "GATE_REPLIES_PER_LANGUAGE": "60",
    "CANARY_MAX_RATINGS": "40",
    "CANARY_INITIAL_RATINGS": "4",
    "CANARY_MIN_DAYS": "0",
    "TRAINING_LEARNING_RATE": "1e-3",
    "TRAINING_LORA_RANK": "16",
    "TRAINING_LORA_ALPHA": "32",
    "TRAINING_LORA_DROPOUT": "0",
    "TRAINING_EPOCHS": "1",
    "TRAINING_BATCH_SIZE": "8",
    "TRAINING_ACCUMULATION": "1",
    "TRAINING_WORKERS": "0",
    "PUNCHLINES_PER_DAY": "200",
    "OOGIRI_ROUNDS_PER_DAY": "200",
    "OOGIRI_COLLECT_MINUTES": "2",
    "OOGIRI_VOTE_MINUTES": "1",
}
"""All users may use the demo. It learns only when its admin starts a run, from the few jokes that one user rates (5
pairs; default: 60), with parameters for a small model. The hold-out share is large because a tenth of a dozen photos
may be no photo, and the gate needs held-out photos; of the page's own photos five are held out. The gate asks for 60
new jokes in each language (default: 480), because a CPU writes them; its limits are wider then. A trial may end within
minutes: it has no `canary.min_days`, so nothing corrects for novelty. Rounds of Oogiri are short, because two of the
three players are scripted."""


@dataclass(frozen=True)
class DemoStack:
    """The running processes: the page's address, the bot's data folder and the model's name."""

    page: str
    data: Path
    model: str
    children: tuple[ChildProcess, ...]

    def wait(self) -> None:
        """Wait while all processes run. Raises JokebotError, which names the one that ended and its log."""
        while all(child.running for child in self.children):
            time.sleep(POLL_INTERVAL_S)
        ended = next(child.name for child in self.children if not child.running)
        raise JokebotError(f"The {ended} ended by itself; {self.data / 'logs' / ended}.log says why.")


def photo_folder(settings: Settings) -> Path:
    """The folder of scikit-image's photos in the train environment. Raises JokebotError if there is none."""
    folders = sorted(
        (settings.environments.train_python.parent.parent / "lib").glob("python*/site-packages/skimage/data")
    )
    if not folders:
        raise JokebotError("scikit-image's photos are missing; run `make env-train`.")
    return folders[0]


def link_samples(settings: Settings, data: Path) -> Path:
    """A folder of links to the page's sample pictures: drawings, which the demo model knows, then unknown photos."""
    folder = data / "samples"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    real = [photo_folder(settings) / name for name in PHOTO_NAMES[:REAL_SAMPLES]]
    for number, picture in enumerate([*sorted(DRAWN_SAMPLES.glob("*.jpg")), *real], 1):
        (folder / f"{number:02} {picture.name}").symlink_to(picture)
    return folder


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port on which only a child may listen (with SO_REUSEADDR, as aiohttp does), since it stays bound here."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextmanager
def running_demo(settings: Settings, *, data: Path, port: int = 0) -> Iterator[DemoStack]:
    """Start both processes, yield once they are ready, and end them after the block.

    Raises ChildFailed if one doesn't start.
    """
    data = data.absolute()  # the processes run in Jokebot's own folder
    (logs := data / "logs").mkdir(parents=True, exist_ok=True)
    variables = {
        **os.environ,
        **{f"JOKEBOT_{name}": value for name, value in DEMO_SETTINGS.items()},
        "JOKEBOT_TELEGRAM_ADMINS": str(FIRST_USER_ID),
        "PYTHONUNBUFFERED": "1",
        "JOKEBOT_STORAGE_DIRECTORY": str(data),
        "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
        "JOKEBOT_ENGINE_KIND": "cpu",
        "JOKEBOT_MODEL_NAME": "demo",
        "JOKEBOT_MODEL_DIRECTORY": str(DEMO_MODEL),
        "JOKEBOT_OOGIRI_PACK": str(DRAWN_SAMPLES),
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

        samples = str(link_samples(settings, data))
        options = ("--demo", "--keep", str(data / "sandbox"), "--port", str(port), "--samples", samples)
        sandbox = start("sandbox", sys.executable, "sandbox", *options)
        variables["JOKEBOT_TELEGRAM_BASE_URL"] = page = sandbox.wait_ready()
        (bot := start("bot", sys.executable, "run")).wait_ready()
        stack.enter_context(scripted_players(page))
        yield DemoStack(page, data, "demo", (sandbox, bot))
