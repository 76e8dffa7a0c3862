"""The files by which a run's processes report to the bot and to each other: names and contents.

A run's folder, data/runs/ID (names don't change between versions, so that a run resumes after an upgrade):

    plan.json                 TrainingPlan (trainer/xtuner/plan.py), read at each start of the training
    progress.json             TrainingProgress, replaced whole at each change
    losses.jsonl              TrainingStep, one a line
    STEP.log                  the output of a step's process
    xtuner/                   XTuner's configuration, logs and checkpoints
    gate/gate_progress.json   GateProgress, replaced whole at each change
    gate/gate.json            GateVerdict, and under "asked" the inputs it was computed from
    gate/gallery.json         the verdict's gallery
    gate/verdict-N.json       GateVerdict against the champion N, which is stored in the run's row
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypedDict

RUNS_LOCK = ".lock"
"""In the folder of runs: locked by the process that executes a run."""
LAUNCHER_CHECK = "check.json"
"""In a folder that is no run's: what a host answers to `jokebot doctor --launcher`."""
PLAN, PROGRESS, LOSSES = "plan.json", "progress.json", "losses.jsonl"
GATE_FOLDER, GATE_PROGRESS, GATE_VERDICT, GALLERY = "gate", "gate_progress.json", "gate.json", "gallery.json"


class TrainingProgress(TypedDict, total=False):
    """progress.json. `state` is starting, running, done, stopped or failed; `reason` and `message` describe a failure.

    `phase` is what is done besides steps: checking (the rows), library and model (loading them), "" (steps), saving.

    `began` (of the first step) and `updated` are seconds since 1970. `step_s` (a running mean), `eta_s` and `seconds`
    (of the whole training) are durations in seconds. `rate` is the learning rate. `memory_mb` is the peak so far in
    MiB, of the GPU or, without one, of the process. `parts` is the number of parts in which a batch is computed, above
    1 after memory ran out.
    """

    state: str
    phase: str
    reason: str
    message: str
    began: float
    step: int
    steps: int
    loss: float
    rate: float
    step_s: float
    eta_s: float
    seconds: float
    memory_mb: int
    parts: int
    recomputed_layers: int
    updated: float
    pid: int


class TrainingStep(TypedDict):
    """A line of losses.jsonl: a step's number from 1, its loss, learning rate and duration in seconds."""

    step: int
    loss: float
    rate: float
    s: float


class GateProgress(TypedDict):
    """gate_progress.json: `done` of `of` answers of one model.

    `step` is candidate, then champion, then base if `models`, the number of models to evaluate, is 3.
    """

    step: str
    done: int
    of: int
    models: int
    updated: float


class GateAnswer(StrEnum):
    """The gate's decision on a candidate: PROMOTE starts its trial, UNDECIDED means that nothing could be judged."""

    PROMOTE = "promote"
    REJECT = "reject"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class GalleryItem:
    """A held-out photo with both models' new jokes.

    `photo` is its file in the dataset (`images/…`). The file is not copied, and erasure removes the item
    (storage/maintenance/forget_person.py).
    """

    photo: str
    language: str
    champion: str
    candidate: str


@dataclass(frozen=True)
class GateVerdict:
    """The gate's verdict.

    `reasons` are sentences and `codes` their kinds, in the same order; for a promoted candidate they are the measures
    that could not be judged. `measures` are figures by name, for champion and candidate.
    """

    answer: GateAnswer
    reasons: list[str]
    codes: list[str]
    measures: dict[str, Any] = field(default_factory=dict)
    gallery: list[GalleryItem] = field(default_factory=list)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "GateVerdict":
        """Decode the JSON of gate.json or verdict-N.json."""
        return cls(GateAnswer(data["answer"]), data["reasons"], data["codes"], data["measures"], gallery_of(data))


def gallery_of(verdict: Mapping[str, Any]) -> list[GalleryItem]:
    """The gallery in a verdict's JSON; empty if there is none."""
    return [
        GalleryItem(item["photo"], item.get("language", ""), item["champion"], item["candidate"])
        for item in verdict.get("gallery", [])
    ]


def verdict_file(folder: Path, champion_id: int) -> Path:
    """The file of the gate's verdict against that champion, in a run's folder."""
    return folder / GATE_FOLDER / f"verdict-{champion_id}.json"


def log_file(folder: Path, step: str) -> Path:
    """The file with the output of a step's process, in a run's folder."""
    return folder / f"{step}.log"


def read_progress(folder: Path) -> TrainingProgress:
    """Read progress.json; empty before the training begins. Raises OSError, ValueError."""
    try:
        return json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def read_gate_progress(folder: Path) -> GateProgress | None:
    """Read gate_progress.json; None before the gate begins. Raises OSError, ValueError."""
    try:
        return json.loads((folder / GATE_FOLDER / GATE_PROGRESS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def read_training_steps(folder: Path) -> list[TrainingStep]:
    """Read losses.jsonl in order; empty before the first step. Raises OSError, ValueError."""
    try:
        return list(_whole_lines((folder / LOSSES).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []


def _whole_lines(text: str) -> Iterator[TrainingStep]:
    """Decode complete lines; a killed process may have left half a line."""
    return (json.loads(line) for line in text.splitlines() if line.endswith("}"))


def replace_file(path: Path, text: str) -> None:
    """Replace a file atomically: a reader sees the complete old or new text."""
    part = path.with_suffix(f"{path.suffix}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
