"""Reads the headers of safetensors files, and recognises files that a download left unusable.

The format (huggingface/safetensors, README): eight bytes with the header's length, little endian; the header as JSON;
then the numbers of all tensors.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.checkpoint.location import CheckpointError

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
MAX_HEADER_BYTES = 100_000_000
"""safetensors' own limit."""
ITEM_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
}
LFS = b"version https://git-lfs"
PULL = "Fetch it with `git lfs pull`, or download the model again"


@dataclass(frozen=True)
class TensorHeader:
    """A tensor's type, as safetensors names it, and its shape."""

    dtype: str
    shape: tuple[int, ...]


def is_pointer(path: Path) -> bool:
    """Whether a file is a git-lfs pointer instead of the content. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(LFS)) == LFS


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a model. Raises CheckpointError for a missing or damaged file."""
    try:
        if is_pointer(path):
            raise CheckpointError(f"{path} is a git-lfs pointer, not the file itself. {PULL}.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing. Download the model again.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} can't be read ({error}). Download the model again.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is damaged: it holds no JSON object. Download the model again.")
    return content


def weight_files(directory: Path) -> list[str]:
    """The names of a model's weight files. Raises CheckpointError if it has none or lacks one of them."""
    if (directory / INDEX).is_file():
        weight_map = read_json(directory / INDEX).get("weight_map")
        if not isinstance(weight_map, dict) or not weight_map or not all(map(_is_plain, weight_map.values())):
            raise CheckpointError(f"{directory / INDEX} names no weight files. Download the model again.")
        names = sorted(set(weight_map.values()))
        absent = [name for name in names if not (directory / name).is_file()]
        if absent:
            raise CheckpointError(
                f"{directory} lacks {absent[0]}, one of {len(names)} weight files. Download the model again."
            )
        return names
    if (directory / SINGLE).is_file():
        return [SINGLE]
    others = sorted(file.name for pattern in ("*.bin", "*.pth", "*.gguf") for file in directory.glob(pattern))
    raise CheckpointError(
        f"{directory} has no safetensors weights: neither {INDEX} nor {SINGLE} is there. "
        + (f"{others[0]} can't be used." if others else "Download the model again.")
    )


def _is_plain(name: Any) -> bool:
    return isinstance(name, str) and "/" not in name and name.endswith(".safetensors")


def read_headers(path: Path) -> dict[str, TensorHeader]:
    """The tensors of a safetensors file. Raises CheckpointError for a git-lfs pointer, a cut-off or damaged file."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if start == LFS[:8] and is_pointer(path):
                raise CheckpointError(f"{path} is a git-lfs pointer, not the weights. {PULL}.")
            if size < 8 or length > min(MAX_HEADER_BYTES, size - 8):
                raise _cut_off(path, size)
            header = json.loads(file.read(length))
        tensors, end = dict[str, TensorHeader](), 0
        for name, dtype, shape, first, last in _entries(header):
            tensors[name] = TensorHeader(dtype, shape)
            end = max(end, last)
            if last - first != ITEM_BYTES[dtype] * math.prod(shape):
                raise ValueError(f"{name} has another size than its shape says")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}. Download it again.") from error
    if size < 8 + length + end:
        raise _cut_off(path, size, 8 + length + end)
    return tensors


def _entries(header: dict[str, Any]) -> Iterator[tuple[str, str, tuple[int, ...], int, int]]:
    for name, about in header.items():
        if name != "__metadata__":
            first, last = about["data_offsets"]
            yield name, about["dtype"], tuple(map(int, about["shape"])), int(first), int(last)


def _cut_off(path: Path, size: int, whole: int = 0) -> CheckpointError:
    of = f" of {whole:,}" if whole else ""
    return CheckpointError(f"{path} is cut off: it has {size:,}{of} bytes. Download it again.")
