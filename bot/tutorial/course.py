"""A course of steps that are done once each: what is done is recorded, and the next call goes on from there."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import JokebotError
from storage.learning.run_files import replace_file

RECORD, LOCK, STEP_LOCK = "tutorial.json", ".lock", ".step.lock"
ORPHAN_WAIT_S = 300.0
"""Longest wait for a step that outlived its killed parent: a training writes its checkpoint first."""


class CourseError(JokebotError):
    """The tutorial can't go on; the message says what to do."""


class CourseStopped(Exception):
    """The user stopped the course; the same command continues."""


@dataclass(frozen=True)
class CourseStep:
    """A step of the course: `section` is its heading in the camp's tutorial; `run` returns facts for later steps.

    A step that was interrupted is run again, so `run` continues or repeats its own work.
    """

    name: str
    title: str
    section: str
    run: Callable[[], dict[str, Any]]


class CourseRecord:
    """The file tutorial.json: the user's choices, and the steps with their seconds and facts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / RECORD
        self._data: dict[str, Any] = self._read()

    def choose(self, given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
        """The choices of this course: those recorded, else those given, else the defaults.

        A choice that is None is not given. Raises CourseError if one differs from the recorded one.
        """
        given = {name: value for name, value in given.items() if value is not None}
        if known := self._data.get("choices"):
            if others := [name for name, value in given.items() if known.get(name) != value]:
                told = ", ".join(f"--{name} {known.get(name)}" for name in others)
                raise CourseError(
                    f"{self.folder} holds a tutorial that was begun with {told}. `jokebot tutorial` without these "
                    "options continues it; --out DIR begins another."
                )
            return known
        self._data["choices"] = {**defaults, **given}
        self._write()
        return self._data["choices"]

    def facts(self, step: str) -> dict[str, Any]:
        """The facts of a step; empty before it is done."""
        return self._steps().get(step, {}).get("facts") or {}

    def is_done(self, step: str) -> bool:
        return "facts" in self._steps().get(step, {})

    def seconds(self, step: str) -> float:
        """Seconds that a step took, interrupted attempts included (not those that ended by SIGKILL)."""
        return self._steps().get(step, {}).get("seconds", 0.0)

    def add(self, step: str, seconds: float, facts: dict[str, Any] | None = None) -> None:
        """Record the seconds of an attempt, and the facts of a step that is done."""
        entry = {**self._steps().get(step, {}), "seconds": round(self.seconds(step) + seconds, 2)}
        self._data.setdefault("steps", {})[step] = entry if facts is None else {**entry, "facts": facts}
        self._write()

    def _steps(self) -> dict[str, Any]:
        return self._data.get("steps", {})

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CourseError(f"{self._file} can't be read: {error}. Move it away to begin again.") from error
        if not isinstance(data, dict):
            raise CourseError(f"{self._file} is no record of a tutorial. Move it away to begin again.")
        return data

    def _write(self) -> None:
        replace_file(self._file, json.dumps(self._data, ensure_ascii=False, indent=1) + "\n")


def run_course(record: CourseRecord, steps: Sequence[CourseStep]) -> None:
    """Run the steps that are not done, in order. Raises what a step raises; its time is recorded all the same."""
    for number, step in enumerate(steps, 1):
        heading = f"[{number}/{len(steps)}] {step.title} · {step.section}"
        if record.is_done(step.name):
            print(f"{heading}: done before, {duration(record.seconds(step.name))}", flush=True)
            continue
        print(f"\n{heading}", flush=True)
        began = time.monotonic()
        try:
            facts = step.run()
        except BaseException:
            record.add(step.name, time.monotonic() - began)
            raise
        record.add(step.name, time.monotonic() - began, facts)
        print(f"done, {duration(record.seconds(step.name))}", flush=True)


def duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 100 else f"{seconds:.1f} s"


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Lock a course's folder for one call. Yields a descriptor for its child processes, which hold a second lock.

    A call waits until a child that outlived its killed parent has ended. Raises CourseError if another call runs, or
    the child doesn't end.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    own, step = (os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for name in (LOCK, STEP_LOCK))
    try:
        if not _try_lock(own):
            raise CourseError(f"Another `jokebot tutorial` is at work in {folder}.")
        deadline, told = time.monotonic() + ORPHAN_WAIT_S, False
        while not _try_lock(step):
            if not told:
                print("Waiting for the step of the killed call to end.", flush=True)
                told = True
            if time.monotonic() > deadline:
                raise CourseError(f"A step of a killed call is still at work in {folder}. End that process first.")
            time.sleep(0.2)
        yield step
    finally:
        os.close(step)
        os.close(own)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
