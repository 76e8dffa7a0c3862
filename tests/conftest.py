"""Which tests run where: `make test` calls pytest once in the train environment and once in the bot environment.

Tests of code that needs torch or XTuner stand in the files and folders named here; every other test runs in the bot
environment alone.
"""

import importlib.util
import os
import signal
from pathlib import Path

HERE = Path(__file__).parent
TRAIN_TESTS = ("trainer", "bot/engine/cpu", "bot/engine/lmdeploy")
# before torch is loaded: threads that spin cost a busy machine dearly
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# as in what a shell starts in the background; children would inherit it
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
IN_TRAIN = importlib.util.find_spec("torch") is not None


def pytest_ignore_collect(collection_path: Path, config) -> bool | None:
    """Leave out what belongs to the other environment: whole folders too, for the sake of their conftest.py."""
    if not collection_path.is_relative_to(HERE) or collection_path == HERE or collection_path.name == "conftest.py":
        return None
    path = collection_path.relative_to(HERE).as_posix()
    trains = path.startswith(TRAIN_TESTS)
    leads_there = collection_path.is_dir() and any(test.startswith(f"{path}/") for test in TRAIN_TESTS)
    return True if (not trains and not leads_there if IN_TRAIN else trains) else None


def pytest_report_header(config) -> str:
    return f"jokebot: {'train' if IN_TRAIN else 'bot'} environment"
