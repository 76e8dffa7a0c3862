"""Reads the rows of a dataset directory (train.json in XTuner's form, pictures), and rejects invalid rows.

XTuner replaces a row whose picture is missing or damaged by a random other row, and trains without the picture if
`<image>` is missing. Here such a row ends the training before it starts, with the row's name.
"""

import hashlib
import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from configs.chat_templates import ChatTemplate
from configs.tiling import tile_count
from trainer.xtuner.plan import TrainingError

SPECIAL = (
    ChatTemplate.bos,
    ChatTemplate.eos,
    ChatTemplate.start,
    ChatTemplate.end,
    ChatTemplate.context,
    ChatTemplate.image_start,
    ChatTemplate.image_end,
)
TRAIN, MANIFEST, IMAGE, WEIGHT = "train.json", "manifest.json", "<image>", "weight"


@dataclass(frozen=True)
class TrainingRow:
    """A row: the picture's file, SHA-256 and number of tiles (0: no picture), the question, the answer.

    `weight` is the row's weight in the loss; the weights of a training have mean 1.
    """

    id: str
    picture: str
    sha256: str
    tiles: int
    question: str
    answer: str
    weight: float = 1.0


def read_rows(dataset: Path, max_tiles: int, weighted: bool = True) -> list[TrainingRow]:
    """All rows of a dataset, with weight 1 unless `weighted`.

    Raises TrainingError: "empty" without rows, "data" for an invalid row.
    """
    try:
        data = json.loads((dataset / TRAIN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingError("empty", f"{dataset} has no {TRAIN}: it is no dataset.") from None
    except ValueError as error:
        raise TrainingError("data", f"{dataset / TRAIN} is broken: {error}.") from error
    if not data:
        raise TrainingError("empty", f"{dataset / TRAIN} has no rows: there is nothing to learn.")
    with ThreadPoolExecutor() as pool:
        rows = list(pool.map(lambda item: read_row(dataset, item[0], item[1], max_tiles), enumerate(data)))
    return [
        replace(row, weight=weight) for row, weight in zip(rows, read_weights(dataset, data, weighted), strict=True)
    ]


def read_weights(dataset: Path, data: list[Any], weighted: bool) -> list[float]:
    """Weights of the rows, divided by the mean of those given; 1 for a row without one. Raises TrainingError."""
    given = [row.get(WEIGHT) if weighted else None for row in data]
    for row, weight in zip(data, given, strict=True):
        if weight is not None and not (isinstance(weight, int | float) and 0 < weight < math.inf):
            raise TrainingError(
                "data",
                f"Row {row.get('id')} of {dataset / TRAIN} can't be learnt from: its weight {weight!r} "
                "is no positive number.",
            )
    known = [weight for weight in given if weight is not None]
    return [1.0 if weight is None else weight * len(known) / sum(known) for weight in given]


def read_row(dataset: Path, number: int, row: Any, max_tiles: int) -> TrainingRow:
    """A row of train.json, with its picture checked; `number` is its name if it has none.

    Raises TrainingError ("data").
    """
    name = str(row.get("id", number)) if isinstance(row, dict) else str(number)
    try:
        human, gpt = row["conversations"]
        if (human["from"], gpt["from"]) != ("human", "gpt"):
            raise ValueError("its turns are not one of a human and one of gpt")
        question, answer, picture = human["value"], gpt["value"].strip(), row.get("image")
        picture = picture[0] if isinstance(picture, list) else picture
        check_text(question, answer, bool(picture))
        question = question.removeprefix(IMAGE).removeprefix("\n")
        digest, tiles = read_picture(dataset / picture, max_tiles) if picture else ("", 0)
        return TrainingRow(name, picture or "", digest, tiles, question, answer)
    except (KeyError, TypeError, AttributeError) as error:
        raise TrainingError("data", f"Row {name} of {dataset / TRAIN} has not the form of a row: {error!r}.") from error
    except (OSError, ValueError, Image.DecompressionBombError, SyntaxError) as error:
        raise TrainingError("data", f"Row {name} of {dataset / TRAIN} can't be learnt from: {error}.") from error


def check_text(question: str, answer: str, has_picture: bool) -> None:
    """Raises ValueError if the text contains special tokens, or if `<image>` doesn't match the picture."""
    if not answer:
        raise ValueError("its answer is empty")
    if question.startswith(IMAGE) != has_picture or question.count(IMAGE) != has_picture:
        raise ValueError(
            f"{IMAGE} must come once, in front, where there is a picture, and not at all where there is none"
        )
    for token in SPECIAL:
        if token in question or token in answer:
            raise ValueError(f"its text holds {token}")
    if IMAGE in answer:
        raise ValueError(f"its answer holds {IMAGE}")


def read_picture(path: Path, max_tiles: int) -> tuple[str, int]:
    """SHA-256 and number of tiles of a picture, which is decoded completely."""
    with Image.open(path) as picture:
        tiles = tile_count(*picture.size, max_tiles)
        picture.load()
    return hashlib.sha256(path.read_bytes()).hexdigest(), tiles


def save_rows(rows: list[TrainingRow], path: Path) -> None:
    path.write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False), encoding="utf-8")


def load_rows(path: Path) -> list[TrainingRow]:
    return [TrainingRow(**row) for row in json.loads(path.read_text(encoding="utf-8"))]


def origin(dataset: Path) -> dict[str, Any]:
    """The dataset's record in adapter.json: the SHA-256 of train.json and the manifest's digest."""
    note = dataset / MANIFEST
    manifest = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {}
    digest = hashlib.sha256((dataset / TRAIN).read_bytes()).hexdigest()
    return {
        "directory": str(dataset),
        "train_sha256": digest,
        **{key: manifest[key] for key in ("id", "name", "digest", "hash", "sha256") if key in manifest},
    }
