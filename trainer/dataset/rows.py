"""A dataset's row in XTuner's form, and its checks.

XTuner replaces a row whose picture it can't open by a random other row, trains without the picture if `<image>` is
missing, and interprets special tokens in users' text, all without a warning. Such rows must not be written.
"""

import math
import unicodedata
from pathlib import Path
from typing import Any

from PIL import Image

from configs.chat_templates import chat_templates
from configs.control_tokens import CONTROL_TOKEN
from configs.errors import PromptError
from configs.prompts import load_prompts
from storage.learning.dataset_files import IMAGES, Row, file_digest
from trainer.dataset.token_budget import TokenBudget

IMAGE = "<image>"
KEYS = {"id", "image", "conversations", "image_wh", "length"}
WEIGHT = "weight"
"""The key of a row's weight in the training loss. Optional; XTuner's own dataset class ignores it."""


class RowError(Exception):
    """A row can't be trained on. Equal reasons have equal messages, so that they can be counted."""


def picture_name(sha256: str) -> str:
    """The path of a picture in a dataset."""
    return f"{IMAGES}/{sha256}.jpg"


def make_row(
    row_id: str,
    image: str,
    size: tuple[int, int],
    prompt: str,
    answer: str,
    budget: TokenBudget,
    weight: float | None = None,
) -> Row:
    """Make a row and check its text; `check_picture` checks the picture. Raises RowError."""
    answer = answer.strip()
    row = {
        "id": row_id,
        "image": image,
        "conversations": [{"from": "human", "value": f"{IMAGE}\n{prompt}"}, {"from": "gpt", "value": answer}],
        "image_wh": list(size),
        "length": budget.length(prompt, answer, *size),
        **({} if weight is None else {WEIGHT: round(weight, 4)}),
    }
    check_row(row, budget)
    return row


def check_row(row: Any, budget: TokenBudget) -> None:
    """Check the form and text of a row from a file. Raises RowError."""
    prompt, answer = texts_of(row)
    if not answer.strip():
        raise RowError("its text is empty")
    if any(token in prompt or token in answer for token in budget.special | {IMAGE}) or (
        CONTROL_TOKEN.search(prompt) or CONTROL_TOKEN.search(answer)
    ):
        raise RowError("its text holds a special token")
    if any(unicodedata.category(character) in ("Cs", "Co") for character in prompt + answer):
        raise RowError("its text holds characters that are none")
    width, height = row["image_wh"]
    # A dataset that was made for a model with another template stays valid: the training counts anew.
    if row["length"] != budget.length(prompt, answer, width, height) and row["length"] not in (
        budget.length(prompt, answer, width, height, template) for template in chat_templates().values()
    ):
        raise RowError("its length is not what the model counts")
    if row["length"] > budget.max_length:
        raise RowError(f"it is longer than {budget.max_length} tokens")


def texts_of(row: Any) -> tuple[str, str]:
    """Prompt (without `<image>`) and answer of a row. Raises RowError for a row of another form."""
    if not isinstance(row, dict) or set(row) - {WEIGHT} != KEYS:
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
        and is_weight(row.get(WEIGHT, 1.0))
    )
    if not right:
        raise RowError("it is no row of XTuner's form")
    question = turns[0]["value"]
    if not question.startswith(f"{IMAGE}\n") or question.count(IMAGE) != 1:
        raise RowError(f"{IMAGE} does not stand once, at its beginning")
    return question.removeprefix(f"{IMAGE}\n"), turns[1]["value"]


def is_weight(value: Any) -> bool:
    """Whether a value may weigh a row: a finite positive number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def check_picture(path: Path, size: tuple[int, int], sha256: str | None = None) -> None:
    """Decode a picture completely, as XTuner does, and check its size and, if given, its SHA-256. Raises RowError."""
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
    # A damaged file can make a decoder raise any exception.
    except Exception as error:
        raise RowError("its picture can't be opened") from error
    if actual != tuple(size):
        raise RowError("its picture has another size than recorded")
    if turned:
        raise RowError("its picture would be seen turned")


def prompts_now(language: str, style: str, caption: str | None, seen: str | None = None) -> tuple[str, ...]:
    """The prompts, plain and gentle, of the current `prompts.toml`; none if it no longer has the language or style."""
    try:
        return tuple(load_prompts().ask(language, style, caption, gentle=gentle, seen=seen) for gentle in (False, True))
    except PromptError:
        return ()
