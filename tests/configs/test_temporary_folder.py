"""A process's temporary folder is gone after its end, whatever ended it."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from configs.settings import ROOT
from configs.temporary_folder import remove_abandoned

PREFIX = "jokebot-test-"
PROGRAM = f"""
import sys
from configs.temporary_folder import make_process_folder
print(make_process_folder({PREFIX!r}), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def start() -> tuple[subprocess.Popen, Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, Path(process.stdout.readline().strip())


def age(folder: Path) -> None:
    os.utime(folder, (0, 0))


def test_a_folder_of_a_killed_process_is_removed_by_a_later_one_and_that_of_a_living_one_stays(temporary):
    killed, left = start()
    (left / "model").mkdir()
    living, used = start()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    for folder in (left, used):
        age(folder)
    (temporary / f"{PREFIX}file").write_text("no folder")
    third, newest = start()
    assert not left.exists() and used.is_dir() and newest.is_dir()
    for process, folder in ((living, used), (third, newest)):
        process.communicate("")
        assert process.returncode == 0 and not folder.exists()


def test_a_folder_that_is_just_being_made_is_left_alone(temporary):
    (temporary / f"{PREFIX}new").mkdir()
    remove_abandoned(PREFIX)
    assert (temporary / f"{PREFIX}new").is_dir()
    age(temporary / f"{PREFIX}new")
    remove_abandoned(PREFIX)
    assert not (temporary / f"{PREFIX}new").exists()
