"""The doctor's checks of `training.launcher`: its program, and on request a trial on the other machine.

The trial runs the launcher over an empty folder with a file check.json, in which the other machine writes what it has
(trainer/xtuner/entry.py).
"""

import asyncio
import json
import os
import shlex
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.monitoring.doctor_finding import DoctorFinding
from configs import __version__
from configs.child_environment import child_environment
from configs.launcher import fill_launcher, split_launcher
from configs.settings import ROOT, Settings
from storage.learning.run_files import LAUNCHER_CHECK, RUNS_LOCK
from storage.maintenance.data_folder import is_locked

SUBJECT = "launcher"
TRIAL_TIMEOUT_S = 1800.0
"""A queue of Slurm or the start of a cloud's machine takes minutes."""
ELSEWHERE = "docs/deploy/training-elsewhere.md"


async def check_launcher(settings: Settings) -> list[DoctorFinding]:
    """Check that the launcher's program, and the script that it may be given first, exist on this host."""
    if not settings.training.launcher:
        return []
    program, *words = split_launcher(settings.training.launcher)
    if shutil.which(ROOT / program if os.sep in program else program) is None:
        return [DoctorFinding("bad", SUBJECT, f"there is no program {program}", "correct training.launcher")]
    if words and words[0].endswith(".sh") and not (ROOT / words[0]).is_file():
        return [DoctorFinding("bad", SUBJECT, f"there is no file {words[0]}", "correct training.launcher")]
    return [DoctorFinding("note", SUBJECT, "trains elsewhere, not tried", "`jokebot doctor --launcher` tries it")]


async def try_launcher(settings: Settings) -> list[DoctorFinding]:
    """Run the launcher with nothing to train, and report what the other machine has."""
    if not settings.training.launcher:
        return [DoctorFinding("note", SUBJECT, "training.launcher is empty: runs train on this host")]
    if is_locked(settings.storage.runs / RUNS_LOCK):
        return [DoctorFinding("note", SUBJECT, "not tried, because a run is at work", "wait for its end")]
    # In the data folder, because Slurm's nodes must see it.
    folder = settings.storage.runs.absolute() / "launcher-check"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("run", "dataset", "base"):
        (folder / name).mkdir(parents=True)
    answer = folder / "run" / LAUNCHER_CHECK
    answer.write_text("{}")
    started = time.monotonic()
    try:
        code, last = await _run(_command(settings, folder))
        report = json.loads(answer.read_text(encoding="utf-8"))
    except (OSError, ValueError, TimeoutError) as error:
        return [
            DoctorFinding("bad", SUBJECT, f"its trial failed: {str(error) or type(error).__name__}", f"see {ELSEWHERE}")
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if code or not report:
        what = f"its trial ended with code {code}" if code else "its trial came back without an answer"
        return [DoctorFinding("bad", SUBJECT, f"{what}: {last}" if last else what, f"see {ELSEWHERE}")]
    return [_finding(report, time.monotonic() - started)]


def _command(settings: Settings, folder: Path) -> list[str]:
    run = str(folder / "run")
    python = str(settings.environments.train_python)
    training = ["env", f"PYTHONPATH={ROOT}", python, "-m", "trainer.xtuner.entry", run]
    values = {"run": run, "dataset": str(folder / "dataset"), "base": str(folder / "base")}
    return fill_launcher(settings.training.launcher, {**values, "command": shlex.join(training)})


async def _run(command: list[str]) -> tuple[int, str]:
    """Run the launcher in the program's folder. Returns its exit code and the last line of its output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=child_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), TRIAL_TIMEOUT_S)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
    lines = output.decode(errors="replace").split("\n")
    return process.returncode or 0, next((line.strip() for line in reversed(lines) if line.strip()), "")


def _finding(report: dict[str, Any], seconds: float) -> DoctorFinding:
    card = ", ".join(report["gpus"]) or f"no GPU, {report['cpus']} CPU cores"
    message = f"trains elsewhere: {card}; torch {report['torch']}; tried in {seconds:.0f} s"
    if report["jokebot"] != __version__:
        todo = f"install version {__version__} there"
        return DoctorFinding("bad", SUBJECT, f"{message}; its Jokebot is version {report['jokebot']}", todo)
    return DoctorFinding("ok" if report["gpus"] else "note", SUBJECT, message)
