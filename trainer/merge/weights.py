"""Writes a base model's weight files anew with an adapter in them: the same files with the same headers, so that each
tensor keeps its place. All cores share one queue of blocks; a block reads from the mapped base and goes straight to its
place in the new file, so memory holds only the blocks in work.
"""
import json
import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from trainer.merge.adapter import Adapter, Pair, finite
from trainer.merge.arithmetic import Adder, to_bf16
from trainer.merge.tensors import MergeError, Tensor, map_file, read_safetensors

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
BLOCK = 1 << 20
"""Elements of one product: 4 MB as float32."""
COPY = 4 << 20
"""Bytes of one copied piece."""
Work = Callable[[], None]


def weight_files(model: Path) -> list[str]:
    """The names of a model's weight files. Raises MergeError where it has none."""
    if (model / INDEX).is_file():
        try:
            return sorted(set(json.loads((model / INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError) as error:
            raise MergeError(f"{model / INDEX} can't be used: {error}.") from error
    if (model / SINGLE).is_file():
        return [SINGLE]
    raise MergeError(f"{model} has no safetensors weights: neither {INDEX} nor {SINGLE} is there.")


@dataclass(frozen=True)
class Base:
    """A base model's weight files: the tensors of each, by the file's name."""

    directory: Path
    files: dict[str, dict[str, Tensor]]

    @classmethod
    def of(cls, directory: Path) -> "Base":
        return cls(directory, {name: read_safetensors(directory / name) for name in weight_files(directory)})

    @property
    def nbytes(self) -> int:
        return sum((self.directory / name).stat().st_size for name in self.files)


def check_fit(base: Base, adapter: Adapter) -> None:
    """Raises MergeError where the adapter belongs to another base model."""
    tensors = {name: tensor for file in base.files.values() for name, tensor in file.items()}
    for name in sorted(adapter.names()):
        shape = adapter.pairs[name].shape if name in adapter.pairs else adapter.whole[name].values.shape
        if name not in tensors:
            raise MergeError(f"The adapter changes {name}, which {base.directory} doesn't have: it belongs to another base model.")
        if tensors[name].values.shape != shape or tensors[name].dtype != "BF16":
            raise MergeError(f"{name} is {tensors[name].dtype} {tensors[name].values.shape} in {base.directory}, and the adapter "
                             f"needs BF16 {shape}: it belongs to another base model.")


def write_weights(base: Base, adapter: Adapter, out: Path, workers: int) -> int:
    """Write all weight files into `out`, with `workers` threads. Returns the bytes written.

    Raises OSError where there is no room, before anything is computed, and MergeError where the adapter is not finite.
    """
    own = Threads()
    files = {name: allocate(out / name, (base.directory / name).stat().st_size) for name in base.files}
    try:
        with ThreadPoolExecutor(workers) as pool:
            work = [*(work for name, file in files.items() for work in products_of(base, adapter, name, file, own)),
                    *(work for name, file in files.items() for work in copies_of(base, adapter, name, file))]
            jobs = [pool.submit(job) for job in work]
            finish(jobs)
    finally:
        for file in files.values():
            os.close(file)
    return base.nbytes


def finish(jobs: list[Future]) -> None:
    """Wait for all; on the first failure let the rest go, and raise it."""
    done, waiting = wait(jobs, return_when=FIRST_EXCEPTION)
    for job in waiting:
        job.cancel()
    for job in done:
        job.result()


def allocate(path: Path, size: int) -> int:
    """A new file's descriptor, its room on the disk taken: a full disk shows here, as OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.posix_fallocate(file, 0, size)
    return file


def write_at(file: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


class Threads(threading.local):
    """What each working thread has for itself: an Adder and a block of bf16 values on their way to the file."""

    def __init__(self) -> None:
        self.add = Adder()
        self.block = np.empty(0, np.uint16)

    def room(self, shape: tuple[int, ...]) -> np.ndarray:
        if self.block.size < math.prod(shape):
            self.block = np.empty(math.prod(shape), np.uint16)
        return self.block[:math.prod(shape)].reshape(shape)


def copies_of(base: Base, adapter: Adapter, name: str, file: int) -> Iterator[Work]:
    """Everything of a file that stays as it is, header included, and the tensors that the adapter holds whole."""
    source = memoryview(map_file(base.directory / name))
    changed = sorted((tensor.offset, tensor.offset + tensor.nbytes) for key, tensor in base.files[name].items()
                     if key in adapter.names())
    edges = [0, *(edge for pair in changed for edge in pair), len(source)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        for first in range(start, end, COPY):
            yield partial(write_at, file, source[first:min(first + COPY, end)], first)
    for key, tensor in base.files[name].items():
        if key in adapter.whole:
            yield partial(rewrite, adapter.whole[key], file, tensor.offset)


def rewrite(tensor: Tensor, file: int, offset: int) -> None:
    values = to_bf16(finite(tensor))
    write_at(file, memoryview(values).cast("B"), offset)


def products_of(base: Base, adapter: Adapter, name: str, file: int, own: Threads) -> Iterator[Work]:
    """The blocks of rows of every tensor with a LoRA."""
    for key, tensor in base.files[name].items():
        if key in adapter.pairs:
            rows, columns = tensor.values.shape
            blocks = range(0, rows, max(1, BLOCK // columns))
            task = Product(tensor, adapter.pairs[key], adapter.scaling(key), file, len(blocks))
            for first in blocks:
                yield partial(task.add, slice(first, first + blocks.step), own)


class Product:
    """One tensor's blocks; the pair's rounded copies are given back after the last one."""

    def __init__(self, tensor: Tensor, pair: Pair, scaling: float, file: int, blocks: int) -> None:
        self.tensor, self.pair, self.scaling, self.file, self.left = tensor, pair, scaling, file, blocks
        self.lock = threading.Lock()

    def add(self, rows: slice, own: Threads) -> None:
        base = self.tensor.values[rows]
        with self.lock:
            a, b = self.pair.rounded_a, self.pair.rounded_b
        out = own.room(base.shape)
        own.add(base, b[rows], a, self.scaling, out)
        write_at(self.file, memoryview(out).cast("B"), self.tensor.offset + rows.start * base.strides[0])
        with self.lock:
            self.left -= 1
            if self.left == 0:
                self.pair.release()
