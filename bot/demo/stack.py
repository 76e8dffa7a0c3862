"""The demo: the sandbox and a bot with the CPU engine, as child processes of one command, on free local ports.

`jokebot demo` keeps them running and prints the page's address. `jokebot demo --check` simulates a user through the
page's HTTP interface (bot/demo/check.py). The processes get each other's addresses through the usual settings.
"""

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.demo.players import scripted_players
from bot.demo.samples import link_samples, write_pack
from bot.runtime.child_process import ChildProcess, start_child
from bot.sandbox.server import TOKEN
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.errors import JokebotError
from configs.settings import ROOT, Settings

POLL_INTERVAL_S = 0.5
READY_TIMEOUT_S = 300.0
"""On a busy machine, loading torch alone takes minutes."""
REPORT_EVERY_S = 5.0
DEMO_MODEL = ROOT / "configs" / "demo-model" / "checkpoint"
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
    "JOKE_RECOGNISER": "true",
    "SELECTION_NEWCOMER_DAYS": "0",
    "SELECTION_HOLDOUT_SHARE": "0.2",
    "SELECTION_MAX_JOKES_PER_PHOTO": "4",
    "RETRAIN_CRON": "",
    "RETRAIN_START_AT_NEW_PAIRS": "0",
    "RETRAIN_MIN_PAIRS": "4",
    "GATE_REPLIES_PER_LANGUAGE": "40",
    "GATE_GALLERY": "16",
    "GATE_MAX_LIKELIHOOD_DRIFT": "20",
    "GATE_LIKELIHOOD_MARGIN": "20",
    "GATE_MIN_LIKED_PHOTOS": "0",
    "GATE_VARIETY_RATIO": "0.2",
    "GATE_ENTROPY_RATIO": "0.2",
    "GATE_DISTINCT_RATIO": "0.3",
    "GATE_MAX_COMMONEST_SHAPE_INCREASE": "0.6",
    "GATE_MAX_REPETITION_FACTOR": "100",
    "GATE_MAX_PHRASE_INCREASE": "1",
    "GATE_MAX_COPYING_INCREASE": "1",
    "CANARY_INITIAL_SHARE": "0.5",
    "CANARY_INITIAL_RATINGS": "0",
    "CANARY_MAX_RATINGS": "8",
    "CANARY_MIN_DAYS": "0",
    "CANARY_WITHOUT_VERDICT": "candidate",
    "DUEL_ONE_IN_PHOTOS": "2",
    "JOKE_CANDIDATES": "4",
    "JOKE_CANDIDATE_PATIENCE": "5",
    "JUDGE_CHECK_INTERVAL_S": "2",
    "JUDGE_REQUIRE_PROOF": "false",
    "JUDGE_MIN_RATINGS": "10",
    "JUDGE_AFTER_RATINGS": "5",
    "TRAINING_LEARNING_RATE": "1e-3",
    "TRAINING_LORA_RANK": "16",
    "TRAINING_LORA_ALPHA": "32",
    "TRAINING_LORA_DROPOUT": "0",
    "TRAINING_EPOCHS": "35",
    "TRAINING_BATCH_SIZE": "8",
    "TRAINING_ACCUMULATION": "1",
    "TRAINING_WORKERS": "0",
    "PUNCHLINES_PER_DAY": "200",
    "OOGIRI_ROUNDS_PER_DAY": "200",
    "OOGIRI_COLLECT_MINUTES": "2",
    "OOGIRI_VOTE_MINUTES": "1",
}
"""All users may use the demo. A recogniser names what photos show, because the demo model knows only drawings. The demo
learns in minutes from the few jokes that one user rates, where a bot takes weeks: docs/tutorial.md says at what price,
and `make bench-first_ten_minutes` measures it. Rounds of Oogiri are short, because two of the three players are
scripted."""


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


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port on which only a child may listen (with SO_REUSEADDR, as aiohttp does), since it stays bound here."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def wait_ready(child: ChildProcess, doing: str, report: Callable[[str], None]) -> str:
    """Wait until a process is ready; returns its address. `report` gets `doing`, again every REPORT_EVERY_S seconds.

    Raises ChildFailed if the process ends before, or is not ready in time.
    """
    report(f"{doing} …")
    started, reports = time.monotonic(), 1
    while (url := child.ready_url()) is None:
        waited = time.monotonic() - started
        if waited >= READY_TIMEOUT_S:
            return child.wait_ready(0.0)
        if waited >= reports * REPORT_EVERY_S:
            report(f"{doing} … {waited:.0f} s")
            reports += 1
        time.sleep(POLL_INTERVAL_S / 5)
    return url


def _environment(data: Path) -> dict[str, str]:
    """The environment of both processes, with the data folder and the demo's settings."""
    return {
        **os.environ,
        **{f"JOKEBOT_{name}": value for name, value in DEMO_SETTINGS.items()},
        "JOKEBOT_TELEGRAM_ADMINS": str(FIRST_USER_ID),
        "PYTHONUNBUFFERED": "1",
        "JOKEBOT_STORAGE_DIRECTORY": str(data),
        "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
        "JOKEBOT_ENGINE_KIND": "cpu",
        "JOKEBOT_MODEL_NAME": "demo",
        "JOKEBOT_MODEL_DIRECTORY": str(DEMO_MODEL),
    }


@contextmanager
def running_demo(
    settings: Settings, *, data: Path, port: int = 0, report: Callable[[str], None] = lambda line: None
) -> Iterator[DemoStack]:
    """Start both processes, yield once they are ready, and end them after the block.

    `report` gets a line about what is done, at least every REPORT_EVERY_S seconds. Raises ChildFailed if one of the
    processes doesn't start.
    """
    data = data.absolute()  # the processes run in Jokebot's own folder
    logs = data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    variables = _environment(data) | {"JOKEBOT_OOGIRI_PACK": str(write_pack(settings, data))}
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
        variables["JOKEBOT_TELEGRAM_BASE_URL"] = page = wait_ready(sandbox, "Starting the chat page", report)
        bot = start("bot", sys.executable, "run")
        wait_ready(bot, "Starting the bot and loading the demo model", report)
        stack.enter_context(scripted_players(page))
        yield DemoStack(page, data, "demo", (sandbox, bot))
