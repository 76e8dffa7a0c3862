"""Writes safetensors files piece by piece, so that a large checkpoint needs little memory.

The format (huggingface/safetensors, README): eight bytes with the header's length, little endian; the header as JSON,
padded with spaces; then the numbers of all tensors in the header's order.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SHARD_BYTES = 2_000_000_000
Named = tuple[str, tuple[int, ...]]
Source = Callable[[str, tuple[int, ...]], Iterator[NDArray[np.float32]]]
"""Returns a tensor's float32 values in order, in pieces of any length."""


def to_bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Convert float32 to bf16 as uint16, rounded to the nearest, ties to even. NaN is not supported."""
    bits = values.view(np.uint32)
    return ((bits + (0x7FFF + (bits >> 16 & 1))) >> 16).astype("<u2")


def write_checkpoint(directory: Path, tensors: Iterable[Named], source: Source, shard_bytes: int = SHARD_BYTES) -> int:
    """Write bf16 weights as model.safetensors, or as shards with an index if they are larger than `shard_bytes`.

    Returns the bytes of all tensors.
    """
    shards = split(tensors, shard_bytes)
    names = (
        ["model.safetensors"]
        if len(shards) == 1
        else [f"model-{number:05d}-of-{len(shards):05d}.safetensors" for number in range(1, len(shards) + 1)]
    )
    total, places = 0, {}
    for name, shard in zip(names, shards, strict=True):
        total += write_file(directory / name, shard, source)
        places.update({tensor: name for tensor, _ in shard})
    if len(shards) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": places}
        (directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return total


def split(tensors: Iterable[Named], shard_bytes: int) -> list[list[Named]]:
    """Group tensors in order, at most `shard_bytes` in a group unless a single tensor is larger."""
    shards: list[list[Named]] = [[]]
    filled = 0
    for name, size in tensors:
        length = 2 * math.prod(size)
        if shards[-1] and filled + length > shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append((name, size))
        filled += length
    return shards


def write_file(path: Path, tensors: list[Named], source: Source) -> int:
    """Write a safetensors file with values from `source`. Returns the tensors' bytes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, size in tensors:
        end = offset + 2 * math.prod(size)
        header[name] = {"dtype": "BF16", "shape": list(size), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, size in tensors:
            for piece in source(name, size):
                file.write(to_bf16(piece).tobytes())
    return offset
