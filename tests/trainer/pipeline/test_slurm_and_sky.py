"""The launchers for Slurm and SkyPilot, with programs in place of `sbatch`, `scancel` and `sky`."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SLURM, SKY = ROOT / "configs/deploy/train-on-slurm.sh", ROOT / "configs/deploy/train-on-skypilot.sh"
SBATCH = """
# A job is a process of its own session, as on a node; with --wait sbatch ends with the job's exit code, and 1 for a
# signal. `singleton`: a job begins when earlier ones of its name have ended.
import os, subprocess, sys, time
options, rest = {}, sys.argv[1:]
while rest:
    name, _, value = rest.pop(0).partition("=")
    options[name] = value or (rest.pop(0) if name == "--wrap" else True)
assert options["--wait"] and options["--dependency"] == "singleton" and options["--signal"] == "B:TERM@120"
open(os.environ["JOBS"] + "/options", "w").write(repr(options))
mine = f"{os.environ['JOBS']}/{options['--job-name']}"
while os.path.exists(mine):
    time.sleep(0.02)
with open(options["--output"], "a") as output:
    job = subprocess.Popen(["/bin/sh", "-c", options["--wrap"]], stdout=output, stderr=output, start_new_session=True)
open(mine + ".part", "w").write(str(job.pid))
os.rename(mine + ".part", mine)
code = job.wait()
os.remove(mine)
sys.exit(1 if code < 0 else code)
"""
SCANCEL = """
import os, sys
options = dict(word.partition("=")[::2] for word in sys.argv[1:])
mine = f"{os.environ['JOBS']}/{options['--name']}"
if options.get("--signal") == "TERM" and "--batch" in options and os.path.exists(mine):
    os.kill(int(open(mine).read()), 15)
"""
TRAINING = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(143))\nprint('it trains', flush=True)\n"


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!{sys.executable}\n{text}")
    (folder / name).chmod(0o755)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "jobs").mkdir()
    program(tmp_path, "sbatch", SBATCH)
    program(tmp_path, "scancel", SCANCEL)
    return {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "JOBS": str(tmp_path / "jobs")}


def start(environment: dict[str, str], run: Path, training: Path) -> subprocess.Popen[bytes]:
    run.mkdir(exist_ok=True)
    command = ["bash", SLURM, run, f"'{sys.executable}' '{training}'", "--gpus=1"]
    return subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.PIPE)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("ending", "code"), [("sys.exit(0)", 0), ("sys.exit('no room')", 1)])
def test_a_job_of_slurm_gives_back_its_exit_code_and_last_line(environment, tmp_path, ending, code):
    (tmp_path / "training.py").write_text(f"import sys\n{ending}\n")
    launcher = start(environment, tmp_path / "run 1", tmp_path / "training.py")
    _, said = launcher.communicate()
    assert launcher.returncode == code and (b"no room" in said) == bool(code)
    assert "'--gpus': '1'" in (tmp_path / "jobs" / "options").read_text()


def test_a_job_of_slurm_is_stopped_by_sigterm_and_one_that_was_left_behind_by_the_next_launcher(environment, tmp_path):
    (tmp_path / "training.py").write_text(f"{TRAINING}time.sleep(600)\n")
    log = tmp_path / "run" / "slurm.log"
    killed = start(environment, tmp_path / "run", tmp_path / "training.py")
    until(lambda: log.exists() and "it trains" in log.read_text())
    killed.kill()
    killed.wait()
    following = start(environment, tmp_path / "run", tmp_path / "training.py")
    until(lambda: log.read_text().count("it trains") == 2)
    following.send_signal(signal.SIGTERM)
    assert following.wait() == 143
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["options"]


def test_a_rented_machine_is_started_and_trained_on_over_ssh(tmp_path):
    """The script for ssh is replaced; it has tests of its own."""
    deploy = tmp_path / "deploy"
    deploy.mkdir()
    shutil.copy(SKY, deploy)
    (deploy / "train-over-ssh.sh").write_text('printf "%s\\n" "$@"; exit 143\n')
    program(tmp_path, "sky", "import os, sys\nprint(*sys.argv[1:])\nsys.exit(int(os.environ['SKY_CODE']))\n")
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", deploy / SKY.name, "jokes", "/runs/1", "/data set", "/base"]
    went = subprocess.run(command, env={**environment, "SKY_CODE": "0"}, capture_output=True, text=True)
    assert (went.returncode, went.stdout.splitlines()) == (
        143,
        [f"launch -y -d -c jokes {deploy}/skypilot.yaml", "jokes", "jokebot", "/runs/1", "/data set", "/base"],
    )
    none = subprocess.run(command, env={**environment, "SKY_CODE": "1"}, capture_output=True, text=True)
    assert none.returncode == 255 and "jokebot" not in none.stdout.splitlines()
