"""A launcher as an admin might write one: it trains on copies in another folder, as another machine would.

`python copying_launcher.py FOLDER RUN DATASET BASE`. The copy of the run is brought back all the time, and the copies
of dataset and model have other paths. A training that a killed launcher left behind ends by itself.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER, RUN, DATASET, BASE = map(Path, sys.argv[1:])
there = FOLDER / RUN.name


def bring_back(files: list[Path]) -> None:
    for file in files:
        target = RUN / file.relative_to(there)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        try:
            shutil.copy2(file, part)
            part.replace(target)
        except FileNotFoundError:
            continue


def everything() -> list[Path]:
    return [path for path in there.rglob("*") if path.is_file() and path.name != "last_checkpoint"] + list(
        there.rglob("last_checkpoint")
    )


shutil.copytree(BASE, FOLDER / "model", dirs_exist_ok=True)
shutil.copytree(DATASET, FOLDER / "data", dirs_exist_ok=True)
shutil.copytree(RUN, there, dirs_exist_ok=True)
moved = ["--dataset", FOLDER / "data", "--base", FOLDER / "model", "--features", FOLDER / "features"]
command = [sys.executable, "-m", "trainer.xtuner.entry", there, *moved]
training = subprocess.Popen(list(map(str, command)), env={**os.environ, "PYTHONPATH": os.environ["PYTHONPATH"]})
(FOLDER / "launcher").write_text(str(os.getpid()))
signal.signal(signal.SIGTERM, lambda *_: training.terminate())
while training.poll() is None:
    bring_back([there / "progress.json", there / "losses.jsonl"])
    time.sleep(0.05)
bring_back(everything())
sys.exit(training.returncode)
