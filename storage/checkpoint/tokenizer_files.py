"""Checks a model's tokenizer by its files, without loading it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from configs.chat_templates import ChatTemplate
from storage.checkpoint.location import CheckpointError
from storage.checkpoint.tensor_header import PULL, is_pointer, read_json

SETTINGS, FAST, SENTENCEPIECE, ADDED = "tokenizer_config.json", "tokenizer.json", "tokenizer.model", "added_tokens.json"
NEEDED = (ChatTemplate.bos, ChatTemplate.start, ChatTemplate.end, ChatTemplate.context)
MIN_SENTENCEPIECE_BYTES = 100_000
"""InternLM2's tokenizer.model has 1.5 MB."""


def check_tokenizer(directory: Path) -> None:
    """Raise CheckpointError if the tokenizer is missing, damaged, or of another model."""
    if not (directory / SETTINGS).is_file():
        raise CheckpointError(
            f"{directory} has no tokenizer ({SETTINGS}). Download the model again, or give its base: "
            "`jokebot models add DIR --base BASE`."
        )
    settings = read_json(directory / SETTINGS)
    slow = _slow_class(settings)
    if slow or not (directory / FAST).is_file():
        _check_sentencepiece(directory / SENTENCEPIECE)
        listed = dict(special_tokens(directory))
    else:
        listed = dict(special_tokens(directory, fast=True))
    lacking = [token for token in NEEDED if listed and token not in listed]
    if lacking:
        raise CheckpointError(f"{directory}: its tokenizer does not know {lacking[0]}. It belongs to another model.")


def _slow_class(settings: dict[str, Any]) -> bool:
    """Whether the tokenizer is a class of the model's own code, as OpenGVLab's InternLM2Tokenizer is."""
    named = settings.get("auto_map")
    return bool(named.get("AutoTokenizer")) if isinstance(named, dict) else False


def adds_bos(directory: Path) -> bool:
    """Whether the tokenizer in a directory adds the BOS itself, as OpenGVLab's does. Raises CheckpointError."""
    settings = read_json(directory / SETTINGS)
    return _slow_class(settings) and bool(settings.get("add_bos_token", True))


def _check_sentencepiece(path: Path) -> None:
    if not path.is_file():
        raise CheckpointError(
            f"{path} is missing. Download the model again, or give its base: `jokebot models add DIR --base BASE`."
        )
    if is_pointer(path):
        raise CheckpointError(f"{path} is a git-lfs pointer, not the tokenizer. {PULL}.")
    if path.stat().st_size < MIN_SENTENCEPIECE_BYTES:
        raise CheckpointError(f"{path} is cut off: it has {path.stat().st_size:,} bytes. Download it again.")


def special_tokens(directory: Path, *, fast: bool | None = None) -> Iterator[tuple[str, int]]:
    """The ids of special tokens in a model's files; nothing if they list none.

    `fast` reads only tokenizer.json (True) or only the other files (False or None: those that are there). Raises
    CheckpointError for a damaged file.
    """
    if (directory / FAST).is_file() and fast is not False:
        for row in read_json(directory / FAST).get("added_tokens") or []:
            if isinstance(row, dict) and "content" in row and "id" in row:
                yield str(row["content"]), int(row["id"])
    if fast:
        return
    settings = read_json(directory / SETTINGS) if (directory / SETTINGS).is_file() else {}
    for number, row in (settings.get("added_tokens_decoder") or {}).items():
        if isinstance(row, dict) and "content" in row:
            yield str(row["content"]), int(number)
    if (directory / ADDED).is_file():
        yield from ((token, int(number)) for token, number in read_json(directory / ADDED).items())
