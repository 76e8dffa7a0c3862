"""The gate's assessment: evaluates both models, decides, and writes gate.json, gallery.json and its progress."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from configs.errors import JokebotError
from configs.learning import GateSettings
from storage.learning.run_files import (
    GALLERY,
    GATE_PROGRESS,
    GATE_VERDICT,
    GalleryItem,
    GateAnswer,
    GateVerdict,
    replace_file,
)
from trainer.gate.decision import NOTHING, GateReason, decide
from trainer.gate.holdout_data import HoldoutData, read_held_out
from trainer.gate.replies import ModelEvaluation

ReportProgress = Callable[[str, int, int], None]
"""Step (candidate, champion or base), number of finished answers, total number of answers."""


class GateError(JokebotError):
    """The gate can't decide because the champion or the base fails."""


def assess_candidate(
    champion: Path,
    candidate: Path,
    dataset: Path,
    out: Path,
    settings: GateSettings | None = None,
    report: ReportProgress | None = None,
    base: Path | None = None,
) -> GateVerdict:
    """Assess a candidate against the champion on a dataset's held-out photos, on a GPU if there is one.

    `base` is the model from which the chain of runs started; None if that is the champion.

    Writes to `out`, each file by rename: gate_progress.json (step, done, of) during the work, then gallery.json,
    finally gate.json. An existing gate.json of the same models, dataset and settings is returned at once. Both models'
    own code is run. Raises GateError if the champion or the base fails, DatasetError if the dataset can't be read.
    """
    settings = settings or GateSettings()
    inputs = {
        "champion": str(champion),
        "candidate": str(candidate),
        "dataset": str(dataset),
        "settings": settings.stored(),
        **({"base": str(base)} if base else {}),
    }
    if earlier := read_verdict(out, inputs):
        return earlier
    out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    held_out = read_held_out(dataset, settings.photos)
    answer, reasons, measures, gallery = evaluate_both(
        champion, candidate, base, held_out, settings, progress_writer(out, report, models=3 if base else 2)
    )
    measures = {**measures, "seconds": round(time.monotonic() - start, 1)}
    verdict = GateVerdict(answer, [text for _, text in reasons], [code for code, _ in reasons], measures, gallery)
    replace_file(out / GALLERY, json.dumps([asdict(item) for item in gallery], ensure_ascii=False, indent=1) + "\n")
    replace_file(
        out / GATE_VERDICT, json.dumps({**asdict(verdict), "asked": inputs}, ensure_ascii=False, indent=1) + "\n"
    )
    return verdict


def read_verdict(out: Path, inputs: dict[str, Any]) -> GateVerdict | None:
    """The stored verdict of an earlier call with the same inputs, or None."""
    try:
        data = json.loads((out / GATE_VERDICT).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return GateVerdict.read(data) if data.get("asked") == inputs else None


def progress_writer(out: Path, report: ReportProgress | None, *, models: int) -> ReportProgress:
    """A callback that writes progress at most twice a second and passes it to `report`; `models` are evaluated."""
    last = 0.0

    def write(step: str, done: int, of: int) -> None:
        nonlocal last
        if done == of or time.monotonic() - last > 0.5:
            last = time.monotonic()
            replace_file(
                out / GATE_PROGRESS,
                json.dumps({"step": step, "done": done, "of": of, "models": models, "updated": round(time.time(), 3)}),
            )
            if report:
                report(step, done, of)

    return write


def evaluate_both(
    champion: Path,
    candidate: Path,
    base: Path | None,
    held_out: HoldoutData,
    settings: GateSettings,
    report: ReportProgress,
) -> tuple[GateAnswer, list[GateReason], dict[str, Any], list[GalleryItem]]:
    """Evaluate the candidate, then, unless it fails, the champion and the base. One model is in memory at a time."""
    # Read when torch is loaded: waiting threads must not occupy cores that the chat's model server needs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from trainer.gate.evaluation import evaluate_model, free_gpu_memory
    from trainer.gate.metrics import compare

    def evaluate(step: str, directory: Path, scored: bool = True) -> ModelEvaluation:
        evaluated = evaluate_model(directory, held_out, settings, lambda done, of: report(step, done, of), scored)
        free_gpu_memory()
        if evaluated.code and step != "candidate":
            raise GateError(f"The {step} in {directory} can't be compared with. {evaluated.trouble}")
        return evaluated

    new = evaluate("candidate", candidate)
    if new.code:
        return GateAnswer.REJECT, [(new.code, new.trouble)], {}, []
    if not held_out.photos:
        return GateAnswer.UNDECIDED, [NOTHING], {}, []
    old = evaluate("champion", champion)
    measures = compare(old, new, held_out, settings, evaluate("base", base, scored=False) if base else None)
    gallery = [
        GalleryItem(before.photo, before.language, before.text, after.text)
        for before, after in list(zip(old.replies, new.replies, strict=True))[: settings.gallery]
    ]
    if old.vocabulary == new.vocabulary and old.prompt_ids != new.prompt_ids:
        why = ("prompt", "Its tokenizer encodes the prompts differently from the champion's.")
        return GateAnswer.REJECT, [why], measures, gallery
    answer, reasons = decide(measures, settings)
    return answer, reasons, measures, gallery
