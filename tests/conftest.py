"""Selects the tests of an environment: `make test` runs pytest in the train and in the bot environment.

Tests of code that needs torch or XTuner are in TRAIN_TESTS; all others run in the bot environment only.
"""

import importlib.util
import os
import signal
from pathlib import Path

HERE = Path(__file__).parent
TRAIN_TESTS = ("trainer", "bot/engine/cpu", "bot/engine/lmdeploy")
# Set before torch is loaded: spinning threads slow down a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Bots in tests are open to everybody, in this process and in others; the tests of access delete the variable.
os.environ["JOKEBOT_ACCESS_STRANGERS"] = "allow"
# A shell ignores SIGINT for background processes, and children would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
IN_TRAIN = importlib.util.find_spec("torch") is not None


def pytest_ignore_collect(collection_path: Path, config) -> bool | None:
    """Ignore the other environment's tests, whole folders too, because their conftest.py needs its packages."""
    if not collection_path.is_relative_to(HERE) or collection_path == HERE or collection_path.name == "conftest.py":
        return None
    path = collection_path.relative_to(HERE).as_posix()
    trains = path.startswith(TRAIN_TESTS)
    leads_there = collection_path.is_dir() and any(test.startswith(f"{path}/") for test in TRAIN_TESTS)
    return True if (not trains and not leads_there if IN_TRAIN else trains) else None


def pytest_report_header(config) -> str:
    return f"jokebot: {'train' if IN_TRAIN else 'bot'} environment"
