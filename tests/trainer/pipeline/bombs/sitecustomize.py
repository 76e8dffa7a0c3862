"""Python runs this at the start of every process that has this folder in PYTHONPATH: the pipeline's and its children's.

BOMB says where SIGKILL comes:
    rename NAME    just before a file or directory gets that name (a regular expression); in a child its parent dies
        first
    before STATE   when all for a state is made, and the run's row is not moved yet
    in STATE       when the row is moved, and nothing of that state is done
HOLD is "STEP FILE": a training waits when it has done that step, until it is asked to end or the file is there. GATE is
what the gate answers: its own work is tested with it, and is not what these tests are about. `wait` waits to be killed.
"""

import os
import re
import signal
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path

KIND, _, WHAT = os.environ.get("BOMB", "").partition(" ")
PIPELINE = "_pipeline" in sys.orig_argv


def die(*_) -> None:
    if not PIPELINE:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def on_rename(name: str) -> None:
    def deadly(rename):
        def run(source, target, **options):
            if re.fullmatch(name, Path(target).name):
                die()
            return rename(source, target, **options)

        return run

    os.rename, os.replace = deadly(os.rename), deadly(os.replace)


def on_state(kind: str, state: str) -> None:
    from storage.learning import runs
    from trainer.pipeline.steps.all_steps import ALL_STEPS

    if kind == "in":
        ALL_STEPS.by_state[state] = die
        return
    move = runs.advance_within

    async def deadly(connection, run, to, **changes):
        if to == state:
            die()
        return await move(connection, run, to, **changes)

    runs.advance_within = deadly


def hold(step: int, gone_on: Path) -> None:
    from trainer.xtuner.progress import ProgressWriter

    log = ProgressWriter.log

    def held(self, number, *more):
        log(self, number, *more)
        while number >= step and not gone_on.exists() and not signal.getsignal(signal.SIGTERM).__self__.stop_requested:
            time.sleep(0.02)

    ProgressWriter.log = held


@dataclass
class Verdict:
    answer: str
    reasons: list[str]
    measures: dict[str, float]


def assess_candidate(
    champion: Path, candidate: Path, dataset: Path, out: Path, settings, base: Path | None = None
) -> Verdict:
    while os.environ["GATE"] == "wait":
        (out.parent / "waiting").touch()
        time.sleep(0.05)
    assert (
        (champion / "config.json").exists()
        and (candidate / "model.json").exists()
        and (dataset / "holdout.json").exists()
        and (base is None or base != champion and (base / "config.json").exists())
    )
    return Verdict(os.environ["GATE"], ["So it was said."], {"likelihood": 1.5})


if KIND == "rename":
    on_rename(WHAT)
elif KIND and PIPELINE:
    on_state(KIND, WHAT)
if "HOLD" in os.environ:
    hold(int(os.environ["HOLD"].split()[0]), Path(os.environ["HOLD"].split()[1]))
if "GATE" in os.environ:
    sys.modules["trainer.gate"] = types.ModuleType("trainer.gate")
    sys.modules["trainer.gate"].assess_candidate = assess_candidate
