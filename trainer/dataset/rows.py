"""One row of a dataset in XTuner's form, and the checks it must pass before it is written.

XTuner replaces a picture it can't open by a random other row, trains without the picture where `<image>` is missing,
and lets special tokens inside users' text take effect, all without a warning; so such rows must not reach a file.
"""

import unicodedata
from pathlib import Path
from typing import Any

from PIL import Image

from configs.errors import PromptError
from configs.prompts import load_prompts
from storage.learning.dataset_files import IMAGES, Row, file_digest
from trainer.dataset.token_budget import TokenBudget

IMAGE = "<image>"
KEYS = {"id", "image", "conversations", "image_wh", "length"}


class RowError(Exception):
    """A row can't be trained on; the message is the reason, the same text for the same reason, so that reasons can
    be counted.
    """


def picture_name(sha256: str) -> str:
    """Where a picture is inside a dataset."""
    return f"{IMAGES}/{sha256}.jpg"


def make_row(row_id: str, image: str, size: tuple[int, int], prompt: str, answer: str, budget: TokenBudget) -> Row:
    """A row whose text is checked; the picture is checked by `check_picture`. Raises RowError."""
    prompts, answer = load_prompts(), answer.strip()
    row = {
        "id": row_id,
        "image": image,
        "conversations": [{"from": "human", "value": f"{IMAGE}\n{prompt}"}, {"from": "gpt", "value": answer}],
        "image_wh": list(size),
        "length": budget.length(prompt, answer, *size, prompts),
    }
    check_row(row, budget)
    return row


def check_row(row: Any, budget: TokenBudget) -> None:
    """Check a row's shape and text, as it stands in a file. Raises RowError."""
    prompt, answer = texts_of(row)
    if not answer.strip():
        raise RowError("its text is empty")
    if any(token in prompt or token in answer for token in budget.special | {IMAGE}):
        raise RowError("its text holds a special token")
    if any(unicodedata.category(character) in ("Cs", "Co") for character in prompt + answer):
        raise RowError("its text holds characters that are none")
    width, height = row["image_wh"]
    if row["length"] != budget.length(prompt, answer, width, height, load_prompts()):
        raise RowError("its length is not what the model counts")
    if row["length"] > budget.max_length:
        raise RowError(f"it is longer than {budget.max_length} tokens")


def texts_of(row: Any) -> tuple[str, str]:
    """Prompt (without `<image>`) and answer of a row of the right shape. Raises RowError."""
    if not isinstance(row, dict) or set(row) != KEYS:
        raise RowError("it is no row of XTuner's form")
    turns, size = row["conversations"], row["image_wh"]
    right = (
        isinstance(row["id"], str)
        and isinstance(row["image"], str)
        and isinstance(row["length"], int)
        and isinstance(turns, list)
        and [isinstance(turn, dict) and turn.get("from") for turn in turns] == ["human", "gpt"]
        and all(isinstance(turn.get("value"), str) for turn in turns)
        and isinstance(size, list)
        and len(size) == 2
        and all(isinstance(side, int) and side > 0 for side in size)
    )
    if not right:
        raise RowError("it is no row of XTuner's form")
    question = turns[0]["value"]
    if not question.startswith(f"{IMAGE}\n") or question.count(IMAGE) != 1:
        raise RowError(f"{IMAGE} does not stand once, at its beginning")
    return question.removeprefix(f"{IMAGE}\n"), turns[1]["value"]


def check_picture(path: Path, size: tuple[int, int], sha256: str | None = None) -> None:
    """Decode a picture whole, as XTuner will, and check its size and, where given, its SHA-256. Raises RowError."""
    try:
        if sha256 and file_digest(path) != sha256:
            raise RowError("its picture is not the one that was stored")
        with Image.open(path) as picture:
            turned = picture.getexif().get(0x0112, 1) not in (0, 1)
            actual = picture.convert("RGB").size
    except FileNotFoundError as error:
        raise RowError("its picture is missing") from error
    except RowError:
        raise
    # A broken file can make a decoder raise anything.
    except Exception as error:
        raise RowError("its picture can't be opened") from error
    if actual != tuple(size):
        raise RowError("its picture has another size than recorded")
    if turned:
        raise RowError("its picture would be seen turned")


def prompt_now(language: str, style: str, caption: str | None) -> str | None:
    """The prompt as `prompts.toml` would ask it today, None where it no longer knows the language or style."""
    try:
        return load_prompts().ask(language, style, caption)
    except PromptError:
        return None
