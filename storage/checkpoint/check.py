"""Checks a model directory: its kind, chat template, code, tokenizer, and that all weights are there."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.model_code import ModelCodeError, check_references, read_code_files
from storage.checkpoint.architecture import WORKING, expected_tensors, unsupported
from storage.checkpoint.location import CONFIG, CheckpointError, locate_checkpoint
from storage.checkpoint.template import template_of
from storage.checkpoint.tensor_header import TensorHeader, read_headers, read_json, weight_files
from storage.checkpoint.tokenizer_files import check_tokenizer

FLOATS = frozenset({"BF16", "F16", "F32"})
TRAINABLE = frozenset({"BF16"})
"""Runs start from weights of this type, and a merge writes it."""
FROM_BASE = "copy it from its base: `jokebot models add DIR --base BASE`"
OPTIONAL = ("generation_config.json", "preprocessor_config.json", "special_tokens_map.json", "added_tokens.json")


@dataclass(frozen=True)
class Checkpoint:
    """A model directory that passed the check. `template` is the name of its chat template."""

    directory: Path
    template: str
    max_tiles: int
    weight_files: tuple[str, ...]
    weight_bytes: int
    parameters: int


def check_checkpoint(path: Path, *, for_training: bool = False) -> Checkpoint:
    """Check a model directory; `path` is anything that `locate_checkpoint` takes. Raises CheckpointError.

    `for_training` demands bf16 weights.
    """
    directory = locate_checkpoint(path)
    config = read_json(directory / CONFIG)
    if reason := unsupported(config):
        raise CheckpointError(f"{directory} is no InternVL2 that Jokebot can use: it has {reason}. {WORKING}.")
    template = template_of(directory, config)
    _check_code(directory, config)
    check_tokenizer(directory)
    for name in OPTIONAL:
        if (directory / name).is_file():
            read_json(directory / name)
    tensors, files = read_tensors(directory)
    _check_tensors(directory, config, tensors, TRAINABLE if for_training else FLOATS)
    return Checkpoint(
        directory,
        template,
        _max_tiles(directory, config),
        tuple(files),
        sum((directory / name).stat().st_size for name in files),
        sum(math.prod(tensor.shape) for tensor in tensors.values()),
    )


def read_tensors(directory: Path) -> tuple[dict[str, TensorHeader], list[str]]:
    """The headers of all tensors, and the names of the weight files. Raises CheckpointError."""
    files = weight_files(directory)
    return {name: tensor for file in files for name, tensor in read_headers(directory / file).items()}, files


def _check_code(directory: Path, config: dict[str, Any]) -> None:
    """Raise CheckpointError if the modelling code is missing, or if a file names code outside the directory."""
    if not isinstance(config.get("auto_map"), dict):
        raise CheckpointError(
            f"{directory / CONFIG} names no modelling code (auto_map). Download the model again, or {FROM_BASE}."
        )
    try:
        check_references(directory, read_code_files(directory))
    except ModelCodeError as error:
        raise CheckpointError(f"{error} If a file is missing, download the model again, or {FROM_BASE}.") from error
    except OSError as error:
        raise CheckpointError(f"{directory} can't be read: {error}.") from error


def _check_tensors(
    directory: Path, config: dict[str, Any], tensors: dict[str, TensorHeader], dtypes: frozenset[str]
) -> None:
    """Raise CheckpointError if a tensor is missing, or has another shape or type than its configuration says."""
    try:
        expected = dict(expected_tensors(config))
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(f"{directory / CONFIG} is incomplete: {error!r}. Download the model again.") from error
    missing = [name for name in expected if name not in tensors]
    if missing:
        raise CheckpointError(
            f"{directory} lacks {len(missing)} of {len(expected)} weights, {missing[0]} among them. "
            "Download the model again."
        )
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise CheckpointError(
                f"{name} in {directory} has the shape {_shape(tensors[name].shape)}, and its config.json says "
                f"{_shape(shape)}. Weights and configuration belong to different models."
            )
        if tensors[name].dtype not in dtypes:
            raise CheckpointError(
                f"{name} in {directory} is {tensors[name].dtype}; "
                + ("runs start from bf16 weights. Convert them first." if dtypes == TRAINABLE else f"{WORKING}.")
            )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "scalar"


def _max_tiles(directory: Path, config: dict[str, Any]) -> int:
    tiles = config.get("max_dynamic_patch")
    if not isinstance(tiles, int) or isinstance(tiles, bool) or tiles < 1:
        raise CheckpointError(f"{directory / CONFIG} is incomplete: it has no max_dynamic_patch.")
    return tiles
