"""A training in a terminal: the libraries' output goes to a log file, and a line says how far the training is."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from storage.learning.run_files import TrainingProgress, log_file, read_progress

POLL_S = 0.5
LINE_EVERY_S = 30.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def quiet_training(out: Path) -> Iterator[None]:
    """Send all output of the block, of libraries and child processes too, to OUT/train.log, and show the progress."""
    log = log_file(out, "train")
    print(f"Training in {out}; the output of XTuner and other libraries goes to {log}.", flush=True)
    with _redirected(log) as terminal:
        watcher = ProgressWatcher(out, terminal)
        watcher.start()
        try:
            yield
        finally:
            watcher.stop()


@contextmanager
def _redirected(log: Path) -> Iterator[IO[str]]:
    """Replace the process's standard output and error by a file during the block; yields the former output."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with log.open("ab") as file, os.fdopen(os.dup(saved[0]), "w", encoding="utf-8", errors="replace") as terminal:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield terminal
        finally:
            with suppress(OSError):  # a full disk costs the log's last lines
                sys.stdout.flush()
                sys.stderr.flush()
            for number, original in enumerate(saved, 1):
                os.dup2(original, number)
                os.close(original)


class ProgressWatcher:
    """A thread that shows progress.json: as a bar in a terminal, else as a line from time to time."""

    def __init__(self, out: Path, terminal: IO[str]) -> None:
        self._out, self._terminal, self._began = out, terminal, time.time()
        self._over = threading.Event()
        self._shown_at, self._shown = 0.0, ""
        show = self._show_bar if terminal.isatty() else self._print_lines
        self._thread = threading.Thread(target=show, name="training progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Show the last state, and end."""
        self._over.set()
        self._thread.join()

    def _states(self) -> Iterator[TrainingProgress]:
        """The training's progress now and then, and once more at the end; not that of an earlier attempt."""
        over = False
        while not over:
            over = self._over.wait(POLL_S)
            progress: TrainingProgress = {}
            with suppress(OSError, ValueError):
                progress = read_progress(self._out)
            yield progress if progress.get("updated", 0.0) >= self._began else {}

    def _show_bar(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
        )
        console = Console(file=self._terminal)
        with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as bar:
            task = bar.add_task("loading", total=None, figures="")
            for state in self._states():
                if state.get("steps") and state.get("state") != "starting":
                    bar.update(
                        task,
                        description="step",
                        total=state["steps"],
                        completed=state.get("step", 0),
                        figures=figures(state),
                    )

    def _print_lines(self) -> None:
        for state in self._states():
            if state.get("state") == "starting" and not self._shown:
                self._print("loading the model")
            steps, step = state.get("steps", 0), state.get("step", 0)
            due = time.monotonic() - self._shown_at >= LINE_EVERY_S or step == steps
            if steps and state.get("state") != "starting" and (due or not self._shown.startswith("step")):
                left = state.get("eta_s", 0.0)
                ahead = f", about {left / 60:.0f} min left" if left >= 60 else ""
                self._print(f"step {step} of {steps}{', ' if (rest := figures(state)) else ''}{rest}{ahead}")

    def _print(self, line: str) -> None:
        if line != self._shown:
            self._shown_at, self._shown = time.monotonic(), line
            print(line, file=self._terminal, flush=True)


def figures(state: TrainingProgress) -> str:
    """Loss, seconds a step and memory, as far as they are known."""
    parts = []
    if "loss" in state:
        parts.append(f"loss {state['loss']:.3f}")
    if "step_s" in state:
        parts.append(f"{state['step_s']:.2f} s a step")
    if "memory_mb" in state:
        parts.append(f"{state['memory_mb'] * 2**20 / 1e9:.1f} GB")
    return ", ".join(parts)
