"""The recipe for ssh by itself, with a program in place of the training, and one in place of ssh that stays here."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "configs/deploy/train-over-ssh.sh"
SSH = """#!/bin/bash
while [ "${1#-}" != "$1" ]; do case $1 in -o|-l) shift 2;; *) shift;; esac; done; shift
exec env -i PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" HOME="$HOME" bash -c "$*"
"""
"""Drops the options and the host."""
TRAINING = """
import os, signal, sys, time
out, options = sys.argv[3], dict(zip(sys.argv[4::2], sys.argv[5::2]))
assert os.listdir(options["--dataset"]) == ["rows"] and os.listdir(options["--base"]) == ["config.json"]
checkpoint = out + "/xtuner/iter_1.pth"
begun = open(checkpoint).read() if os.path.exists(checkpoint) else ""

def stop(*_):
    os.makedirs(out + "/xtuner", exist_ok=True)
    open(checkpoint, "w").write(begun + "x")
    sys.exit(143)

signal.signal(signal.SIGTERM, stop)
open(out + "/progress.json", "w").write(str(os.getpid()))
while True:
    time.sleep(0.05)
"""
"""Each time that it is stopped its checkpoint grows by a letter."""

pytestmark = pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def launch(tmp_path: Path) -> Callable[[str], subprocess.Popen[bytes]]:
    """Starts the script over the run's folder `run NAME`, which is made if it is missing."""
    for name, text in (("ssh", SSH), ("training", f"#!{sys.executable}\n{TRAINING}")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    for name, file in (("data", "rows"), ("base", "config.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).touch()
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "TRAIN_PYTHON": str(tmp_path / "training"),
    }

    seen = {""}

    def start(name: str) -> subprocess.Popen[bytes]:
        run = tmp_path / f"run {name}"
        run.mkdir(exist_ok=True)
        (run / "plan.json").touch()
        words = ["bash", SCRIPT, "far", tmp_path / "far away", run, tmp_path / "data", tmp_path / "base"]
        launcher = subprocess.Popen(list(map(str, words)), env=environment)
        progress = run / "progress.json"
        # It has the id of the training's process; an earlier one's may come back first.
        until(lambda: launcher.poll() is not None or progress.exists() and progress.read_text() not in seen)
        seen.add(progress.read_text() if progress.exists() else "")
        return launcher

    return start


def stop(launcher: subprocess.Popen[bytes]) -> None:
    launcher.send_signal(signal.SIGTERM)
    assert launcher.wait(300) == 143


def checkpoint(folder: Path, name: str = "1") -> str:
    return (folder / f"run {name}" / "xtuner" / "iter_1.pth").read_text()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "far away" / "training").iterdir())


def test_a_stop_at_any_moment_brings_the_checkpoint_back_and_clears_the_other_machine(launch, tmp_path):
    for times, moment in enumerate((0.0, 1.5, 3.2), 1):
        launcher = launch("1")
        time.sleep(moment)
        stop(launcher)
        assert (checkpoint(tmp_path), left(tmp_path)) == ("x" * times, ["code", "lock", "models"])


def test_after_a_kill_the_next_launcher_fetches_what_the_other_machine_has(launch, tmp_path):
    killed = launch("1")
    killed.kill()
    killed.wait()
    stop(launch("1"))
    assert (checkpoint(tmp_path), left(tmp_path)) == ("xx", ["code", "lock", "models"])


def test_what_another_run_left_behind_is_removed_and_one_that_begins_anew_does_not_get_it_back(launch, tmp_path):
    killed = launch("1")
    killed.kill()
    killed.wait()
    stop(launch("2"))
    assert checkpoint(tmp_path, "2") == "x" and not (tmp_path / "run 1" / "xtuner" / "iter_1.pth").exists()
    killed = launch("2")
    killed.kill()
    killed.wait()
    # As after a damaged checkpoint: the run's own folder of XTuner is removed.
    shutil.rmtree(tmp_path / "run 2" / "xtuner")
    stop(launch("2"))
    assert (checkpoint(tmp_path, "2"), left(tmp_path)) == ("x", ["code", "lock", "models"])


def test_a_host_that_cannot_be_reached_ends_the_launcher(launch, tmp_path):
    (tmp_path / "ssh").write_text("#!/bin/sh\nexit 255\n")
    assert launch("1").wait(300) == 255
