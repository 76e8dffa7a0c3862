"""Writes a base model's weight files with an adapter merged into them.

The new files have the same names and headers, so that each tensor keeps its offset. All cores share one queue of
blocks. A block is read from the mapped base and written directly to its offset in the new file, so that memory holds
only the blocks in progress.
"""

import json
import math
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.merge.adapter import LoraAdapter, LoraPair, finite_rows, rounded_rows
from trainer.merge.bf16 import LoraAdder, to_bf16
from trainer.merge.checkpoint_io import MergeError, StoredTensor, map_file, read_safetensors
from trainer.merge.parallel import Work, run_parallel

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
BLOCK = 1 << 20
"""Elements of one product: 4 MB as float32."""
BLOCKS = 4
"""Products of one tensor in one job, which rounds its A once."""
COPY_BYTES = 4 << 20
"""Bytes that one job copies."""


def weight_files(model: Path) -> list[str]:
    """The names of a model's weight files. Raises MergeError if it has none."""
    if (model / INDEX).is_file():
        try:
            return sorted(set(json.loads((model / INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError) as error:
            raise MergeError(f"{model / INDEX} can't be used: {error}.") from error
    if (model / SINGLE).is_file():
        return [SINGLE]
    raise MergeError(f"{model} has no safetensors weights: neither {INDEX} nor {SINGLE} is there.")


@dataclass(frozen=True)
class BaseCheckpoint:
    """A base model's weight files: the tensors of each, by the file's name."""

    directory: Path
    files: dict[str, dict[str, StoredTensor]]

    @classmethod
    def open(cls, directory: Path) -> "BaseCheckpoint":
        return cls(directory, {name: read_safetensors(directory / name) for name in weight_files(directory)})

    @property
    def nbytes(self) -> int:
        return sum((self.directory / name).stat().st_size for name in self.files)


def check_fit(base: BaseCheckpoint, adapter: LoraAdapter) -> None:
    """Raises MergeError if the adapter belongs to another base model."""
    tensors = {name: tensor for file in base.files.values() for name, tensor in file.items()}
    for name in sorted(adapter.names()):
        shape = adapter.pairs[name].shape if name in adapter.pairs else adapter.whole[name].values.shape
        if name not in tensors:
            raise MergeError(
                f"The adapter changes {name}, which {base.directory} doesn't have: it belongs to another base model."
            )
        if tensors[name].values.shape != shape or tensors[name].dtype != "BF16":
            raise MergeError(
                f"{name} is {tensors[name].dtype} {tensors[name].values.shape} in {base.directory}, and the adapter "
                f"needs BF16 {shape}: it belongs to another base model."
            )


def write_weights(base: BaseCheckpoint, adapter: LoraAdapter, out: Path, workers: int) -> int:
    """Write all weight files to `out`, with `workers` workers. Returns the bytes written.

    Raises OSError before any computation if there is no disk space, and MergeError if the adapter is not finite.
    """
    files = {name: allocate(out / name, (base.directory / name).stat().st_size) for name in base.files}
    try:
        run_parallel(
            [
                *(work for name, file in files.items() for work in products_of(base, adapter, name, file)),
                *(work for name, file in files.items() for work in copies_of(base, adapter, name, file)),
            ],
            workers,
        )
    finally:
        for file in files.values():
            os.close(file)
    return base.nbytes


def allocate(path: Path, size: int) -> int:
    """Create a file, allocate its disk space, and return its descriptor. Raises OSError if the disk is full."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.posix_fallocate(file, 0, size)
    return file


def write_at(file: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


class WorkerBuffers(threading.local):
    """A worker's buffers, reused by its jobs: a LoraAdder and a block of bf16 values to write."""

    def __init__(self) -> None:
        self.add = LoraAdder()
        self.block = np.empty(0, np.uint16)

    def room(self, shape: tuple[int, ...]) -> NDArray[np.uint16]:
        """A buffer for bf16 values of that shape, overwritten by the next call."""
        if self.block.size < math.prod(shape):
            self.block = np.empty(math.prod(shape), np.uint16)
        return self.block[: math.prod(shape)].reshape(shape)


BUFFERS = WorkerBuffers()
"""One for each thread and process."""


def copies_of(base: BaseCheckpoint, adapter: LoraAdapter, name: str, file: int) -> Iterator[Work]:
    """Jobs that copy the unchanged bytes of a file, header included, and write the adapter's whole tensors."""
    source = memoryview(map_file(base.directory / name))
    changed = sorted(
        (tensor.offset, tensor.offset + tensor.nbytes)
        for key, tensor in base.files[name].items()
        if key in adapter.names()
    )
    edges = [0, *(edge for pair in changed for edge in pair), len(source)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        for first in range(start, end, COPY_BYTES):
            yield partial(write_at, file, source[first : min(first + COPY_BYTES, end)], first)
    for key, tensor in base.files[name].items():
        if key in adapter.whole:
            yield partial(rewrite, adapter.whole[key], file, tensor.offset)


def rewrite(tensor: StoredTensor, file: int, offset: int) -> None:
    """Write one of the adapter's whole tensors to its offset in the file (a descriptor)."""
    values = to_bf16(finite_rows(tensor))
    write_at(file, values.data.cast("B"), offset)


def products_of(base: BaseCheckpoint, adapter: LoraAdapter, name: str, file: int) -> Iterator[Work]:
    """Jobs that merge the rows of every tensor with a LoRA, BLOCKS blocks a job."""
    for key, tensor in base.files[name].items():
        if key in adapter.pairs:
            rows, columns = tensor.values.shape
            step = max(1, BLOCK // columns)
            for first in range(0, rows, BLOCKS * step):
                blocks = [
                    slice(start, min(start + step, rows))
                    for start in range(first, min(first + BLOCKS * step, rows), step)
                ]
                yield partial(add_blocks, tensor, adapter.pairs[key], adapter.scaling(key), file, blocks)


def add_blocks(tensor: StoredTensor, pair: LoraPair, scaling: float, file: int, blocks: list[slice]) -> None:
    """Write base + scaling · B·A for some rows of a tensor, block by block, to the file (a descriptor)."""
    a = rounded_rows(pair.a)
    for rows in blocks:
        base = tensor.values[rows]
        out = BUFFERS.room(base.shape)
        BUFFERS.add(base, rounded_rows(pair.b, rows), a, scaling, out)
        write_at(file, out.data.cast("B"), tensor.offset + rows.start * base.strides[0])
