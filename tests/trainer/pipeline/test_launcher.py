"""The training of a run on another machine: progress, cancel, kill and resume through the launcher's command."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from configs.settings import Settings
from storage.learning import models, runs
from trainer.pipeline.launcher import TrainingLauncher
from trainer.xtuner.entry import check_base, plan_for

ROOT = Path(__file__).parents[3]
BOMBS = Path(__file__).with_name("bombs")
COPYING, OVER_SSH = Path(__file__).with_name("copying_launcher.py"), ROOT / "configs/deploy/train-over-ssh.sh"

pytestmark = pytest.mark.timeout(2400)
"""Each starts trainings, and a training starts slowly on a busy machine."""


def process_with(word: str) -> int:
    """The id of the process of this test whose command holds a word; 0 if there is none."""
    found = subprocess.run(["pgrep", "-f", word], capture_output=True, text=True).stdout.split()
    return int(found[0]) if found else 0


@dataclass
class OtherMachine:
    """A folder that plays another machine, and the launcher's command for it."""

    folder: Path
    template: str
    leftovers: tuple[str, ...] = ()
    """What a finished or cancelled run may leave in the folder."""

    def launcher(self) -> int:
        return process_with(f"{self.folder} .*runs/1 ")


def far_python(folder: Path, root: Path) -> Path:
    """A Python for the other machine, which stops after the first step until the file `go` is there, as bombs/ does."""
    python = folder / "python"
    python.write_text(
        f"#!/bin/sh\nexport PYTHONPATH={BOMBS}:$PYTHONPATH HOLD='1 {root / 'go'}' OMP_NUM_THREADS=1\n"
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    return python


def ssh_server(folder: Path) -> Iterator[Path]:
    """A server on loopback with keys of its own; yields the ssh_config in which it is called `far`."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    port = 20000 + os.getpid() % 20000
    inherited = " ".join(f"{name}={os.environ[name]}" for name in ("PATH", "LD_LIBRARY_PATH") if os.environ.get(name))
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nSetEnv {inherited}\n"
    )
    (folder / "ssh_config").write_text(
        f"Host far\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {folder}/user\n  StrictHostKeyChecking no\n"
        f"  UserKnownHostsFile {folder}/known\n  LogLevel ERROR\n"
    )
    server = subprocess.Popen([shutil.which("sshd"), "-D", "-e", "-f", folder / "sshd_config"])
    try:
        while subprocess.run(["ssh", "-F", folder / "ssh_config", "far", "true"], capture_output=True).returncode:
            assert server.poll() is None
            time.sleep(0.1)
        yield folder / "ssh_config"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OtherMachine]:
    """The recipe for ssh: to a server on loopback, or with a program in ssh's place that runs the command here."""
    if not shutil.which("rsync"):
        pytest.skip("rsync is not installed")
    folder, programs = tmp_path / "far machine", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    python = far_python(tmp_path, tmp_path)
    monkeypatch.setenv("TRAIN_PYTHON", str(python))
    template = f"bash configs/deploy/train-over-ssh.sh far '{folder}' {{run}} {{dataset}} {{base}}"
    machine = OtherMachine(folder, template, ("code", "lock", "models"))
    server = ssh_server(tmp_path) if shutil.which("sshd") and shutil.which("ssh") else None
    instead = f'exec {shutil.which("ssh")} -F {next(server)} "$@"' if server else ssh_here()
    (programs / "ssh").write_text(f"#!/bin/bash\n{instead}\n")
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    yield machine
    if server:
        server.close()


def ssh_here() -> str:
    """A script in ssh's place: it drops the options and the host and runs the command, in an empty environment."""
    return (
        'while [ "${1#-}" != "$1" ]; do case $1 in -o|-l) shift 2;; *) shift;; esac; done; shift\n'
        'exec env -i PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" HOME="$HOME" bash -c "$*"'
    )


@pytest.fixture
def by_copying(tmp_path: Path) -> OtherMachine:
    folder = tmp_path / "far"
    folder.mkdir()
    python = far_python(tmp_path, tmp_path)
    return OtherMachine(folder, f"{python} {COPYING} {folder} {{run}} {{dataset}} {{base}}")


@pytest.fixture(params=["by_copying", "over_ssh"])
def machine(request: pytest.FixtureRequest) -> OtherMachine:
    return request.getfixturevalue(request.param)


async def test_a_training_elsewhere_is_killed_midway_goes_on_and_comes_to_its_trial(pipeline, machine):
    process = pipeline.start("_pipeline", 1, TRAINING_LAUNCHER=machine.template)
    # The progress of the other machine is here while it trains.
    await pipeline.until(process, lambda: pipeline.steps() == [1])
    os.kill(machine.launcher(), signal.SIGKILL)
    await pipeline.until(process, lambda: "The launcher" in pipeline.log() or "SIGKILL" in pipeline.log())
    pipeline.go()
    assert await pipeline.end(process) == 0, pipeline.log()
    assert await pipeline.states() == ["queued", "exporting", "training", "merging", "judging", "canary"]
    assert pipeline.steps() == [1, 2, 3, 4]
    new = (await models.all_models(pipeline.database))[1]
    about = json.loads((pipeline.place.models / new.name / "model.json").read_text())
    assert str(machine.folder) not in json.dumps(about)
    if machine.leftovers:
        assert sorted(path.name for path in (machine.folder / "training").iterdir()) == [*machine.leftovers]


async def test_a_training_elsewhere_stops_with_a_checkpoint_and_ends_when_it_is_cancelled(pipeline, machine):
    process = pipeline.start("_pipeline", 1, TRAINING_LAUNCHER=machine.template)
    await pipeline.until(process, lambda: pipeline.steps() == [1])
    process.send_signal(signal.SIGTERM)
    assert await pipeline.end(process) == 143, pipeline.log()
    run = await pipeline.run()
    assert (run.state, run.attempts) == ("training", 0)
    assert (pipeline.place.directory / "xtuner" / "iter_1.pth").exists()
    process = pipeline.start("_pipeline", 1, TRAINING_LAUNCHER=machine.template)
    await pipeline.until(process, lambda: len(pipeline.steps()) >= 2)
    await runs.request_cancel(pipeline.database, 1)
    assert await pipeline.end(process) == 0, pipeline.log()
    assert (await pipeline.run()).state == "cancelled"
    if machine.leftovers:
        assert sorted(path.name for path in (machine.folder / "training").iterdir()) == [*machine.leftovers]


async def test_a_launcher_that_fails_is_tried_again_and_named_at_the_end(pipeline, monkeypatch):
    script = "echo host unreachable >&2; exit 255"
    told = {"TRAINING_LAUNCHER": f"bash -c '{script}' {{run}}", "RETRAIN_MAX_STEP_ATTEMPTS": 2}
    assert await pipeline.call("_pipeline", 1, **told) == 1
    run = await pipeline.run()
    assert (run.state, run.why.code, run.why.values) == ("failed", "launcher", {"what": "host unreachable"})


async def test_what_a_training_elsewhere_says_of_its_failure_ends_the_run_at_once(pipeline):
    failing = "import json, sys; from pathlib import Path; Path(sys.argv[1], 'progress.json').write_text(json.dumps("
    failing += "{'state': 'failed', 'reason': 'nan', 'message': 'The loss was nan.', 'updated': 1.0})); sys.exit(1)"
    assert await pipeline.call("_pipeline", 1, TRAINING_LAUNCHER=f'{sys.executable} -c "{failing}" {{run}}') == 1
    run = await pipeline.run()
    assert (run.state, run.why.code) == ("failed", "training-nan")


def test_the_command_of_a_launcher_trains_the_plan_in_a_shell(pipeline_free_plan):
    plan, words = pipeline_free_plan
    assert words[:2] == ["sbatch", "--wrap"] and len(words) == 3
    shell = subprocess.run(["bash", "-c", f"printf '%s\\n' {words[2]}"], capture_output=True, text=True).stdout
    assert shell.splitlines()[3:5] == ["-m", "trainer.xtuner.entry"] and shell.splitlines()[5] == str(plan.out)


@pytest.fixture
def pipeline_free_plan(model, tmp_path):
    plan = plan_for(tmp_path / "data set", check_base(model), tmp_path / "run 1", Settings())
    return plan, TrainingLauncher("sbatch --wrap {command}").command(plan)


async def test_a_program_that_is_missing_is_named(pipeline):
    assert await pipeline.call("_pipeline", 1, TRAINING_LAUNCHER="no-such-program {run}", RETRAIN_MAX_STEP_ATTEMPTS=1)
    run = await pipeline.run()
    assert (run.state, run.why.values) == ("failed", {"what": "there is no program no-such-program on this host"})
