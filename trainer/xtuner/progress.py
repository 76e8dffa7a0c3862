"""Writes a run's progress.json and losses.jsonl (storage/learning/run_files.py says what they hold)."""

import json
import os
import time
from pathlib import Path
from typing import Any

from storage.learning.run_files import LOSSES, PROGRESS, read_progress, read_training_steps, replace_file


class ProgressWriter:
    """Writes the two files. Only one process of a run does."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def update(self, **changes: Any) -> None:
        """Change these fields of `TrainingProgress`; the others stay."""
        progress = {**read_progress(self.out), **changes, "updated": round(time.time(), 3), "pid": os.getpid()}
        replace_file(self.out / PROGRESS, json.dumps(progress, ensure_ascii=False))

    def log(self, step: int, loss: float, rate: float, seconds: float) -> None:
        """Add a step: its loss (7 digits: a float32 has no more), learning rate and seconds."""
        with (self.out / LOSSES).open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({"step": step, "loss": float(f"{loss:.7g}"), "rate": rate, "s": round(seconds, 4)}) + "\n"
            )

    def drop_steps_after(self, step: int) -> None:
        """Drop the lines of later steps: a training that resumes from a checkpoint writes them again."""
        retained = [line for line in read_training_steps(self.out) if line["step"] <= step]
        replace_file(self.out / LOSSES, "".join(json.dumps(line) + "\n" for line in retained))
