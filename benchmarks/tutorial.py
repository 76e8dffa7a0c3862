# environment: train
"""How long does `jokebot tutorial` take? The whole course on made rows, from the model to the page and the registry.

`make tutorial-check` runs it on the demo model with 24 rows, and fails if the course fails.
`benchmarks/gpu_tutorial.sh` runs it at InternVL2-2B's shapes. With `--limit-s` the course is stopped after so many
seconds with exit code 75; the same call continues it, as a user would. The last line is one JSON object:

    minutes         the sum of the steps, interrupted attempts included
    seconds         by step: model, data, before, dataset, train, merge, after, register
    rows, tiles     rows trained on; tiles of each photo, the thumbnail included
    train           steps, final loss and seconds a step
    engine          what served the jokes
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import finish, machine  # noqa: E402
from benchmarks.tutorial_rows import write_rows  # noqa: E402
from configs.tiling import tile_count  # noqa: E402

UNFINISHED = 75
DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
CHECK_ROWS, CHECK_SIZE = 24, (448, 448)
CHECK_SETTINGS = {
    "TRAINING_LORA_RANK": "16",
    "TRAINING_LORA_ALPHA": "32",
    "TRAINING_LEARNING_RATE": "1e-3",
    "TRAINING_WORKERS": "0",
    "TRAINING_CHECKPOINT_STEPS": "1",
    "RETRAIN_DISK_RESERVE_GB": "0",
    "JOKE_MAX_TOKENS": "40",
}
"""Settings for a model three hundred times smaller than InternVL2-2B."""


def environment(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    """The variables of a course with its own data folder and settings file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.toml").write_text("")
    own = {"CONFIG": str(folder / "settings.toml"), "STORAGE_DIRECTORY": str(folder / "data"), **settings}
    return {**os.environ, "PYTHONUNBUFFERED": "1", **{f"JOKEBOT_{name}": value for name, value in own.items()}}


def run_course(folder: Path, model: Path, rows: int, settings: dict[str, str], limit_s: float | None) -> int:
    """Run, or continue, the course; returns its exit code, or UNFINISHED after `limit_s` seconds."""
    command = [sys.executable, "-m", "bot", "tutorial", "--yes"]
    options = ["--model", str(model), "--data", str(folder / "rows"), "--rows", str(rows)]
    process = subprocess.Popen([*command, *options], cwd=ROOT, env=environment(folder, settings), stdout=sys.stderr)
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
        return UNFINISHED


def report(folder: Path, size: tuple[int, int]) -> dict[str, Any]:
    """The result of a course that is done."""
    record = json.loads((folder / "data" / "tutorial" / "tutorial.json").read_text(encoding="utf-8"))
    steps = record["steps"]
    dataset = Path(steps["dataset"]["facts"]["directory"])
    return {
        "minutes": round(sum(step["seconds"] for step in steps.values()) / 60, 2),
        "seconds": {name: step["seconds"] for name, step in steps.items()},
        "rows": len(json.loads((dataset / "train.json").read_text(encoding="utf-8"))),
        "tiles": tile_count(*size, 12),
        "train": steps["train"]["facts"],
        "engine": steps["after"]["facts"]["engine"],
        "jokes": [steps[name]["facts"]["jokes"] for name in ("before", "after")],
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
    }


def measure(options: argparse.Namespace, folder: Path) -> int:
    size = tuple(map(int, options.size.split("x")))
    if not (folder / "rows").is_dir():
        write_rows(folder / "rows.part", options.rows, size, options.seed)
        (folder / "rows.part").rename(folder / "rows")
    settings = dict(setting.split("=", 1) for setting in options.set)
    code = run_course(folder, options.model.absolute(), options.rows, settings, options.limit_s)
    if code == 0:
        finish(report(folder, size), "tutorial", options.save)
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="the demo model and 24 rows, in a temporary folder")
    parser.add_argument("--folder", type=Path, help="folder of rows and data; the same one continues a course")
    parser.add_argument("--model", type=Path, default=DEMO, metavar="DIR", help="base model (default: the demo model)")
    parser.add_argument("--rows", type=int, default=2000, metavar="N")
    parser.add_argument("--size", default="1280x960", metavar="WxH", help="pixels of the pictures (default: 1280x960)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the first row")
    parser.add_argument("--limit-s", type=float, metavar="S", help="stop after so many seconds with exit code 75")
    parser.add_argument("--set", nargs="*", default=[], metavar="SECTION_NAME=VALUE", help="further settings")
    parser.add_argument(
        "--save", default="", metavar="MACHINE", help="save as benchmarks/results/tutorial_MACHINE.json"
    )
    options = parser.parse_args()
    if options.check:
        options.rows, options.size = CHECK_ROWS, "x".join(map(str, CHECK_SIZE))
        options.set = [f"{name}={value}" for name, value in CHECK_SETTINGS.items()]
    if options.folder:
        return measure(options, options.folder.absolute())
    with tempfile.TemporaryDirectory() as folder:
        return measure(options, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
