"""Merges an adapter into a base model: checks, weights, the other files of a model directory, the final rename."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.checkpoint.check import Checkpoint, check_checkpoint
from storage.checkpoint.location import CheckpointError
from storage.checkpoint.template import MODEL_JSON, TEMPLATE, recorded_template
from trainer.merge.adapter import PROMPTS, LoraAdapter, read_adapter
from trainer.merge.base_model import BaseCheckpoint, check_fit, write_weights
from trainer.merge.checkpoint_io import MergeError

NOT_COPIED = (".safetensors", ".bin", ".pth", ".pt", ".gguf", ".msgpack", ".h5", ".onnx")
"""Endings of weight files, which would be the base model's."""


@dataclass(frozen=True)
class MergeResult:
    """The result of a merge: the new directory, the bytes of its weights, seconds, and seconds by phase."""

    directory: Path
    weight_bytes: int
    seconds: float
    phases: dict[str, float]


def merge(
    adapter: Path, base: Path, out: Path, *, alpha: float | None = None, sync: bool = False, workers: int | None = None
) -> MergeResult:
    """Merge an adapter into a bf16 base model and write a self-contained model directory.

    `adapter` and `alpha` are those of `read_adapter`. `sync` waits until all files are on the disk; without it a power
    cut in the next half minute can damage the result. `workers` defaults to the number of cores. The result is written
    beside `out` and renamed, so `out` is complete or doesn't exist. The input is not changed. Raises MergeError for
    invalid input and for a full disk.
    """
    start = time.monotonic()
    checkpoint = check_base(base)
    adapter, base, out = adapter.resolve(), checkpoint.directory.resolve(), out.resolve()
    check_places(adapter, base, out)
    trained, weights = read_adapter(adapter, alpha), BaseCheckpoint.open(base)
    template = template_for(trained, checkpoint)
    check_fit(weights, trained)
    read = time.monotonic()
    with new_directory(out, weights.nbytes) as part:
        copy_frame(base, trained.directory, part)
        copied = time.monotonic()
        written = write_weights(weights, trained, part, workers or len(os.sched_getaffinity(0)))
        write_model_json(part, base, trained, written, template)
        if sync:
            fsync_directory(part)
    end = time.monotonic()
    phases = {"read": read - start, "frame": copied - read, "weights": end - copied}
    return MergeResult(out, written, end - start, {name: round(seconds, 3) for name, seconds in phases.items()})


@contextmanager
def new_directory(out: Path, nbytes: int) -> Iterator[Path]:
    """A directory beside `out`, renamed to `out` at the end of the block and removed on an exception.

    `nbytes` is the model's size, for the message. Raises MergeError for an OSError in the block.
    """
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        part.rename(out)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise MergeError(
            f"{out} can't be written: {error.strerror or error}. It needs {nbytes / 1e9:.1f} GB."
        ) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def check_base(base: Path) -> Checkpoint:
    """The base model. Raises MergeError if it can't be merged into."""
    try:
        return check_checkpoint(base, for_training=True)
    except CheckpointError as error:
        raise MergeError(str(error)) from error


def template_for(adapter: LoraAdapter, base: Checkpoint) -> str:
    """The chat template that an adapter was trained with; the base's if it has no record. Raises MergeError."""
    try:
        return recorded_template(adapter.directory) or base.template
    except CheckpointError as error:
        raise MergeError(str(error)) from error


def write_model_json(directory: Path, base: Path, adapter: LoraAdapter, weight_bytes: int, template: str) -> None:
    """Write the record of a merge. Its template counts, whatever the base's configuration says."""
    record = {
        "format": 1,
        TEMPLATE: template,
        "base": origin(base),
        "adapter": adapter.about,
        "lora_alpha": adapter.alpha,
        "weight_bytes": weight_bytes,
        "merged": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (directory / MODEL_JSON).write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def check_places(adapter: Path, base: Path, out: Path) -> None:
    """Raises MergeError if `out` overlaps the input, or exists."""
    if out in (base, adapter, *base.parents, *adapter.parents):
        raise MergeError(f"{out} holds the merge's own input. Choose another --out; the input is never written to.")
    if out.exists():
        raise MergeError(f"{out} is there already. Choose another --out, or remove it first.")
    if out.is_relative_to(base):
        raise MergeError(f"{out} lies inside the base model. Choose another --out; the input is never written to.")


def copy_frame(base: Path, adapter: Path, part: Path) -> None:
    """Copy the base's modelling code, configuration, tokenizer and picture settings, and the run's prompts."""
    for file in sorted(base.iterdir()):
        if file.is_file() and not file.name.endswith(NOT_COPIED) and file.name != MODEL_JSON:
            shutil.copyfile(file, part / file.name)
    if (adapter / PROMPTS).is_file():
        shutil.copyfile(adapter / PROMPTS, part / PROMPTS)


def origin(base: Path) -> dict[str, Any]:
    """The base model's directory, and its model.json if it is a merged model."""
    note = base / MODEL_JSON
    return {
        "directory": str(base),
        **({MODEL_JSON: json.loads(note.read_text(encoding="utf-8"))} if note.is_file() else {}),
    }


def fsync_directory(directory: Path) -> None:
    """fsync the files of a directory, then the directory itself."""
    for path in (*directory.iterdir(), directory):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def merge_report(merged: MergeResult) -> str:
    """A merge's result as a line of JSON."""
    return json.dumps({**asdict(merged), "directory": str(merged.directory), "seconds": round(merged.seconds, 2)})
