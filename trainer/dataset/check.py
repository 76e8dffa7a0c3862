"""Checks a finished dataset as XTuner reads it."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from storage.learning.dataset_files import (
    COUNTED_WITH,
    IMAGES,
    OUTSIDE_HASH,
    PARTS,
    DatasetContents,
    Row,
    content_name,
    digest,
    read_dataset,
    read_json,
)
from trainer.dataset.manifest import Entry
from trainer.dataset.rows import RowError, check_picture, check_row
from trainer.dataset.token_budget import TokenBudget

PICTURE = re.compile(rf"{IMAGES}/([0-9a-f]{{64}})\.jpg")


def counting_model(directory: Path) -> Path | None:
    """The model whose tokenizer counted a dataset's tokens; None if it is unknown or gone.

    Raises DatasetError if the manifest can't be read.
    """
    named = read_json(directory / "manifest.json", dict).get(COUNTED_WITH)
    return Path(named) if isinstance(named, str) and named and Path(named).is_dir() else None


def check_dataset(directory: Path, budget: TokenBudget) -> list[str]:
    """All errors in a dataset, a line each; empty for a valid one. Raises DatasetError if it can't be read."""
    contents = read_dataset(directory)
    return [*check_names(directory, contents), *check_entries(contents), *check_rows(directory, contents, budget)]


def check_names(directory: Path, contents: DatasetContents) -> Iterator[str]:
    """Check that the name is the content's hash. After an erasure the manifest has a new hash, `content_now`."""
    manifest = contents.manifest
    if manifest.get("forgotten"):
        now = digest({key: value for key, value in manifest.items() if key not in (*OUTSIDE_HASH, "content_now")})
        if now != manifest.get("content_now"):
            yield "The manifest was changed after an erasure."
    elif content_name(manifest) != manifest.get("name"):
        yield "The manifest was changed: its hash is not its name."
    if manifest.get("name") != directory.name:
        yield f"The directory is not named as its manifest says ({manifest.get('name')})."


def check_entries(contents: DatasetContents) -> Iterator[str]:
    """Check that every row is unchanged in the manifest, and that every entry that is not forgotten has its row."""
    entries: dict[object, Entry] = {
        entry["id"]: entry for entry in contents.manifest["rows"] if not entry.get("forgotten")
    }
    rows: list[tuple[str, Row]] = [
        (part, row)
        for part, rows in zip(PARTS, (contents.train, contents.holdout), strict=True)
        for row in rows
        if isinstance(row, dict)
    ]
    times = Counter(row.get("id") for _, row in rows)
    for part, row in rows:
        entry = entries.pop(row.get("id"), None)
        if times[row.get("id")] > 1:
            yield f"{part}.json has {times[row.get('id')]} rows of the id {row.get('id')}."
        elif entry is None:
            yield f"{part}.json has the row {row.get('id')}, which the manifest doesn't know."
        elif entry["part"] != part or entry["digest"] != digest(row):
            yield f"The row {row['id']} was changed."
    yield from (f"The row {row_id} of the manifest is missing." for row_id in entries)
    train, holdout = ({str(row.get("image")) for part, row in rows if part == own_part} for own_part in PARTS)
    yield from (f"{image} is in training and held out." for image in sorted(train & holdout))


def check_rows(directory: Path, contents: DatasetContents, budget: TokenBudget) -> Iterator[str]:
    """Check every row as an export does, and that `images/` holds exactly the pictures of the rows."""
    for row in contents.rows():
        try:
            check_row(row, budget)
            match = PICTURE.fullmatch(row["image"])
            if not match:
                raise RowError(f"its picture is not in {IMAGES}/ under its own hash")
            check_picture(directory / row["image"], row["image_wh"], match[1])
        except RowError as error:
            yield f"The row {row.get('id') if isinstance(row, dict) else row!r} can't be trained on: {error}."
    named = {row.get("image") for row in contents.rows() if isinstance(row, dict)}
    extra = {f"{IMAGES}/{file.name}" for file in (directory / IMAGES).glob("*")} - named
    yield from (f"{name} belongs to no row." for name in sorted(extra))
