"""Writes a run's progress.json and losses.jsonl (storage/learning/run_files.py documents their contents)."""

import json
import os
import time
from pathlib import Path
from typing import Any

from storage.learning.run_files import LOSSES, PROGRESS, read_progress, read_training_steps, replace_file


class ProgressWriter:
    """Writes the two files; only one process of a run may use it."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def update(self, **changes: Any) -> None:
        """Change these fields of `TrainingProgress`."""
        progress = {**read_progress(self.out), **changes, "updated": round(time.time(), 3), "pid": os.getpid()}
        replace_file(self.out / PROGRESS, json.dumps(progress, ensure_ascii=False))

    def log(self, step: int, loss: float, rate: float, seconds: float) -> None:
        """Add a step: its loss (7 digits, the precision of float32), learning rate and seconds."""
        with (self.out / LOSSES).open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({"step": step, "loss": float(f"{loss:.7g}"), "rate": rate, "s": round(seconds, 4)}) + "\n"
            )

    def drop_steps_after(self, step: int) -> None:
        """Remove the lines of later steps, which a training resumed from a checkpoint writes again."""
        retained = [line for line in read_training_steps(self.out) if line["step"] <= step]
        replace_file(self.out / LOSSES, "".join(json.dumps(line) + "\n" for line in retained))
