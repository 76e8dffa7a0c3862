"""The files by which a run's processes report to the bot and to each other: their names and what is in them.

A run's folder, data/runs/ID (all names are the same since the first version, so that a run goes on after an upgrade):

    plan.json                 how the training is done (trainer/xtuner/plan.py), read again whenever the training
        resumes
    progress.json             TrainingProgress, replaced whole at each change
    losses.jsonl              TrainingStep, one a line
    STEP.log                  the output of a step's process
    xtuner/                   XTuner's configuration, logs and checkpoints
    gate/gate_progress.json   GateProgress, replaced whole at each change
    gate/gate.json            GateVerdict, and under "asked" what it was computed from
    gate/gallery.json         the verdict's gallery
    gate/verdict-N.json       GateVerdict against the champion N, which the row in `runs` gets as its verdict
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypedDict

PLAN, PROGRESS, LOSSES = "plan.json", "progress.json", "losses.jsonl"
GATE_FOLDER, GATE_PROGRESS, GATE_VERDICT, GALLERY = "gate", "gate_progress.json", "gate.json", "gallery.json"


class TrainingProgress(TypedDict, total=False):
    """progress.json. `state` is starting, running, done, stopped or failed; `reason` and `message` belong to a failure.

    Times: `began` (of the first step) and `updated` are seconds since 1970, `step_s` (a running mean), `eta_s` and
    `seconds` (of the whole training) seconds. `rate` is the learning rate. `memory_mb` is the peak so far in MiB, of
    the GPU or, without one, of the process. `parts` is the number of pieces that a batch is computed in, above 1 after
    memory ran out.
    """

    state: str
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
    """A line of losses.jsonl: a step's number from 1, its loss, learning rate and seconds."""

    step: int
    loss: float
    rate: float
    s: float


class GateProgress(TypedDict):
    """gate_progress.json: `done` of `of` answers of one model. `step` is candidate or champion, in this order."""

    step: str
    done: int
    of: int
    updated: float


class GateAnswer(StrEnum):
    """The gate's decision on a candidate: PROMOTE starts its trial; UNDECIDED where nothing can be judged."""

    PROMOTE = "promote"
    REJECT = "reject"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class GalleryItem:
    """A held-out photo with both models' new jokes. `photo` is its file in the dataset (`images/…`), which is not
    copied, so that a user's photo stays in one place: erasure removes its item
    (storage/maintenance/forget_person.py)."""

    photo: str
    language: str
    champion: str
    candidate: str


@dataclass(frozen=True)
class GateVerdict:
    """`reasons` are sentences, `codes` their kinds, in the same order; a promoted candidate has reasons too: what
    could not be judged. `measures` are figures by name, for champion and candidate."""

    answer: GateAnswer
    reasons: list[str]
    codes: list[str]
    measures: dict[str, Any] = field(default_factory=dict)
    gallery: list[GalleryItem] = field(default_factory=list)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "GateVerdict":
        """From the JSON of gate.json or verdict-N.json."""
        return cls(GateAnswer(data["answer"]), data["reasons"], data["codes"], data["measures"], gallery_of(data))


def gallery_of(verdict: Mapping[str, Any]) -> list[GalleryItem]:
    """The gallery of a verdict's JSON; empty in one without a gallery."""
    return [
        GalleryItem(item["photo"], item.get("language", ""), item["champion"], item["candidate"])
        for item in verdict.get("gallery", [])
    ]


def verdict_file(folder: Path, champion_id: int) -> Path:
    """Where the gate's verdict against that champion is, in a run's folder."""
    return folder / GATE_FOLDER / f"verdict-{champion_id}.json"


def log_file(folder: Path, step: str) -> Path:
    """Where the output of a step's process is, in a run's folder."""
    return folder / f"{step}.log"


def read_progress(folder: Path) -> TrainingProgress:
    """progress.json; empty before the training has begun. Raises OSError, ValueError."""
    try:
        return json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def read_gate_progress(folder: Path) -> GateProgress | None:
    """gate_progress.json; None before the gate has begun. Raises OSError, ValueError."""
    try:
        return json.loads((folder / GATE_FOLDER / GATE_PROGRESS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def read_training_steps(folder: Path) -> list[TrainingStep]:
    """losses.jsonl, in order; empty before the first step. Raises OSError, ValueError."""
    try:
        return list(_whole_lines((folder / LOSSES).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []


def _whole_lines(text: str) -> Iterator[TrainingStep]:
    """A process that was killed may have left half a line."""
    return (json.loads(line) for line in text.splitlines() if line.endswith("}"))


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, whole."""
    part = path.with_suffix(f"{path.suffix}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
