"""Counts the tokens of a training row with a model's own tokenizer and picture shapes, without torch.

Only the tokenizer is loaded. After `count_without_torch`, transformers doesn't import torch either.
"""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from configs.chat_templates import ChatTemplate, chat_template
from configs.errors import JokebotError
from configs.model_code import ModelCodeError, verified_copy
from configs.settings import Settings
from configs.tiling import TILE, tile_count
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.location import CheckpointError
from storage.database import Database
from storage.learning import models
from storage.learning.model_files import share_consent


class ModelDirectoryError(JokebotError):
    """A model's directory can't be used to count a row's tokens."""


@dataclass(frozen=True)
class TokenBudget:
    """The length limit of a row, and the parameters for counting its tokens.

    `encode` maps text to token ids; `special` are the tokens that a user's text must not contain. A picture of t tiles
    has `tile_tokens` × t tokens; `tile` is a tile's side in pixels. `directory` is the model's.
    """

    encode: Callable[[str], list[int]]
    special: frozenset[str]
    max_length: int = 8192
    tile_tokens: int = 256
    max_tiles: int = 12
    tile: int = TILE
    template: ChatTemplate = field(default_factory=chat_template)
    directory: Path | None = None

    def length(self, prompt: str, answer: str, width: int, height: int, template: ChatTemplate | None = None) -> int:
        """Number of tokens of a row: system prompt, template, picture (size in pixels), prompt, answer and end.

        `template` replaces the model's.
        """
        template, tiles = template or self.template, tile_count(width, height, self.max_tiles, self.tile)
        question = self.encode(template.render(prompt, 1))
        return len(question) - 1 + self.tile_tokens * tiles + len(self.encode(answer + template.end))


def count_without_torch() -> None:
    """Keep transformers from importing torch (seconds, 240 MB). Call it before transformers is imported."""
    os.environ.update(USE_TORCH="0", TRANSFORMERS_VERBOSITY="error", TRANSFORMERS_NO_ADVISORY_WARNINGS="1")


def load_token_budget(directory: Path, max_length: int) -> TokenBudget:
    """The budget for the model in `directory` and rows of at most `max_length` tokens. Raises ModelDirectoryError.

    The directory's own tokenizer code runs (`trust_remote_code`): it must be trusted.
    """
    directory, template = check_directory(directory)
    try:
        code = verified_copy(directory)
        from transformers import AutoTokenizer

        shapes = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        tile = shapes["force_image_size"]
        tokens = int((tile // shapes["vision_config"]["patch_size"]) ** 2 * shapes["downsample_ratio"] ** 2)
        tokenizer = AutoTokenizer.from_pretrained(str(code), trust_remote_code=True, use_fast=False)
    except (ModelCodeError, OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise ModelDirectoryError(
            f"{directory} is no InternVL2 checkpoint whose tokens can be counted: {error}."
        ) from error
    if tile != TILE or not shapes.get("use_thumbnail", True) or shapes.get("min_dynamic_patch", 1) != 1:
        raise ModelDirectoryError(
            f"{directory} cuts photos in another way than InternVL2 (tiles of {TILE} pixels and a thumbnail)."
        )
    special = frozenset(
        token for token in (*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()) if token.strip()
    )
    return TokenBudget(
        lambda text: tokenizer.encode(text, add_special_tokens=False),
        special,
        max_length,
        tokens,
        shapes.get("max_dynamic_patch", 12),
        tile,
        template,
        directory,
    )


def check_directory(path: Path) -> tuple[Path, ChatTemplate]:
    """The directory of a model and its chat template. Raises ModelDirectoryError if the model can't be used."""
    try:
        checkpoint = check_checkpoint(path)
    except CheckpointError as error:
        raise ModelDirectoryError(str(error)) from error
    return checkpoint.directory, chat_template(checkpoint.template)


async def find_token_budget(database: Database, settings: Settings, directory: Path | None = None) -> TokenBudget:
    """The budget for the model in `directory`, else for the champion, else for the model in the settings.

    Raises ModelDirectoryError, and RegistryError if the champion's code has changed.
    """
    champion = await models.get_champion(database)
    known = champion.directory if champion else None
    directory = directory or (Path(known) if known else settings.model.directory)
    if directory is None:
        raise ModelDirectoryError(
            "No model directory is known, and its tokenizer is needed to count tokens: "
            "set model.directory in jokebot.toml, or give --model DIR."
        )
    if champion and str(directory) == known:
        await asyncio.to_thread(share_consent, champion, directory)
    return load_token_budget(directory, settings.selection.max_length)
