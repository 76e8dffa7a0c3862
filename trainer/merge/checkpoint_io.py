"""Reads tensors from safetensors files and PyTorch checkpoints as NumPy views of the mapped file.

NumPy has no bfloat16, so such tensors are uint16 arrays with the upper half of a float32.
"""

import collections
import json
import math
import mmap
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import JokebotError

ITEM: dict[str, np.dtype[Any]] = {
    "BF16": np.dtype("<u2"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "BOOL": np.dtype("?"),
}
STORAGES = {
    "FloatStorage": "F32",
    "BFloat16Storage": "BF16",
    "HalfStorage": "F16",
    "DoubleStorage": "F64",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ByteStorage": "U8",
    "CharStorage": "I8",
    "BoolStorage": "BOOL",
}


class MergeError(JokebotError):
    """A file can't be merged, or the result can't be written."""


@dataclass(frozen=True)
class StoredTensor:
    """One tensor: its type as safetensors names it, its values (a view of the file), its first byte in the file."""

    dtype: str
    values: NDArray[Any]
    offset: int = 0

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def float32(self) -> NDArray[np.float32]:
        """The values as float32, a copy."""
        return (
            (self.values.astype(np.uint32) << 16).view(np.float32)
            if self.dtype == "BF16"
            else self.values.astype(np.float32)
        )


def read_safetensors(path: Path) -> dict[str, StoredTensor]:
    """All tensors of a file, in the order of their bytes. Raises MergeError for an invalid or truncated file."""
    data = map_file(path)
    try:
        length = int.from_bytes(data[:8], "little")
        header: dict[str, Any] = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        entries = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
        tensors = {}
        for name, about in entries:
            start, end = (8 + length + offset for offset in about["data_offsets"])
            kind = ITEM[about["dtype"]]
            if (end - start) != kind.itemsize * math.prod(about["shape"]):
                raise ValueError(f"{name} has another size than its shape says")
            values = np.frombuffer(data, kind, math.prod(about["shape"]), start).reshape(about["shape"])
            tensors[name] = StoredTensor(about["dtype"], values, start)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MergeError(f"{path} is not a whole safetensors file: {error}.") from error
    return tensors


def map_file(path: Path) -> mmap.mmap:
    """Map a file into memory, read only. Raises MergeError if it is missing or empty."""
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    except (OSError, ValueError) as error:
        raise MergeError(f"{path} can't be read: {error}.") from error


def read_checkpoint(path: Path) -> dict[str, StoredTensor]:
    """The tensors under "state_dict" (or at the top) of a file that `torch.save` made, as mmengine's `iter_….pth` are.

    No class or function in the pickle is imported or called. Raises MergeError for a file of another kind.
    """
    data = map_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            listing = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            root = listing.removesuffix("data.pkl")
            starts = {info.filename: first_byte(data, info) for info in archive.infolist()}
            with archive.open(listing) as file:
                content = HarmlessUnpickler(file, data, root, starts).load()
    except (zipfile.BadZipFile, StopIteration, pickle.UnpicklingError, KeyError, EOFError, ValueError) as error:
        raise MergeError(f"{path} is not a checkpoint that torch.save made: {error}.") from error
    content = content.get("state_dict", content) if isinstance(content, dict) else {}
    return {name: value for name, value in content.items() if isinstance(value, StoredTensor)}


def first_byte(data: mmap.mmap, info: zipfile.ZipInfo) -> int:
    """The offset of a stored member's bytes, after its local header, whose two last lengths are at byte 26."""
    name = int.from_bytes(data[info.header_offset + 26 : info.header_offset + 28], "little")
    extra = int.from_bytes(data[info.header_offset + 28 : info.header_offset + 30], "little")
    return info.header_offset + 30 + name + extra


class IgnoredObject:
    """Replaces every object of a checkpoint that is not a tensor. It accepts all operations and does nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, value: Any) -> None: ...

    def extend(self, values: Any) -> None: ...


class HarmlessUnpickler(pickle.Unpickler):
    """Unpickles dictionaries and tensors, and replaces everything else by `IgnoredObject`."""

    def __init__(self, file: Any, data: mmap.mmap, root: str, starts: dict[str, int]) -> None:
        super().__init__(file)
        self.data, self.root, self.starts = data, root, starts

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *rest: tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        return STORAGES[name] if module == "torch" and name in STORAGES else IgnoredObject

    def persistent_load(self, pid: tuple[str, Any, str, str, int]) -> tuple[str, int, NDArray[Any]]:
        """Map a storage; `pid` is ("storage", class, member's name, device, length)."""
        _, dtype, member, _, count = pid
        if dtype not in ITEM:
            raise pickle.UnpicklingError(f"storage {member} has a type that is not known here")
        start = self.starts[f"{self.root}data/{member}"]
        return dtype, start, np.frombuffer(self.data, ITEM[dtype], count, start)


def rebuild_tensor(
    storage: tuple[str, int, NDArray[Any]], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *rest: Any
) -> StoredTensor:
    """Replaces torch._utils._rebuild_tensor_v2: a view of a storage from `persistent_load`.

    `offset` and `stride` are in elements.
    """
    dtype, start, values = storage
    item = values.itemsize
    view = np.lib.stride_tricks.as_strided(values[offset:], size, [step * item for step in stride], writeable=False)
    return StoredTensor(dtype, view, start + offset * item)
