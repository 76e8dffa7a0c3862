"""What a run tells the world: OUT/progress.json, replaced whole at each change, and OUT/losses.jsonl, one line a step.

progress.json holds: state (starting, running, done, stopped, failed), reason and message of a failure, began (Unix time at
which the first step began), step, steps, loss, rate (the learning rate), step_s, eta_s, memory_mb (largest so far, of the GPU
or, without one, of the process), parts (pieces that a batch is computed in, more than one after the memory ran out),
recomputed_layers, updated (Unix time), pid.
"""
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROGRESS, LOSSES = "progress.json", "losses.jsonl"


class Progress:
    """Writes a run's two files. Only one process of a run does."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def tell(self, **what: Any) -> None:
        """Change what progress.json says; what is not named stays."""
        now = {**read_progress(self.out), **what, "updated": round(time.time(), 3), "pid": os.getpid()}
        replace(self.out / PROGRESS, json.dumps(now, ensure_ascii=False))

    def log(self, step: int, loss: float, rate: float, seconds: float) -> None:
        """Add a step: its loss (7 digits: a float32 has no more), learning rate and seconds."""
        with (self.out / LOSSES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "loss": float(f"{loss:.7g}"), "rate": rate, "s": round(seconds, 4)}) + "\n")

    def forget_after(self, step: int) -> None:
        """Drop losses of later steps: a run that continues from a checkpoint makes them again."""
        kept = [line for line in read_losses(self.out) if line["step"] <= step]
        replace(self.out / LOSSES, "".join(json.dumps(line) + "\n" for line in kept))


def replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, whole."""
    part = path.with_suffix(f"{path.suffix}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def read_progress(out: Path) -> dict[str, Any]:
    """What progress.json says; empty before a run has begun."""
    try:
        return json.loads((out / PROGRESS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def read_losses(out: Path) -> list[dict[str, float]]:
    """A run's steps, in order: step, loss, rate, s (seconds). A line that a killed process left half written is passed over."""
    return list(whole_lines(out / LOSSES))


def whole_lines(path: Path) -> Iterator[dict[str, float]]:
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.endswith("}"):
                yield json.loads(line)
