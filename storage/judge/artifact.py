"""The file of a judge: one line of JSON, then arrays, then the SHA-256 of everything before.

It has no code and no pickles, so a foreign file can do nothing. Files are written under a temporary name, flushed and
renamed.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import JokebotError

MAGIC = b"JOKEBOT-JUDGE 1\n"
TYPES = ("<f4", "<f8", "<i8")
DIGEST_BYTES = 64


class JudgeError(JokebotError):
    """A judge can't be read or fitted; the message has the cause."""


Arrays = Mapping[str, NDArray[Any]]


def encode(meta: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The bytes of a file; equal contents give equal bytes."""
    stored = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    shapes = {name: [array.dtype.str, *array.shape] for name, array in stored.items()}
    head = json.dumps({"meta": meta, "arrays": shapes}, ensure_ascii=False, sort_keys=True).encode()
    body = b"".join(stored[name].tobytes() for name in sorted(stored))
    content = MAGIC + head + b"\n" + body
    return content + hashlib.sha256(content).hexdigest().encode()


def decode(data: bytes, where: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Meta data and arrays of a file's bytes. Raises JudgeError for a damaged or foreign file."""
    content, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if not content.startswith(MAGIC):
        raise JudgeError(f"{where} is no judge of this version of Jokebot.")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise JudgeError(f"{where} is damaged or cut off.")
    try:
        head, _, body = content.removeprefix(MAGIC).partition(b"\n")
        parsed = json.loads(head)
        arrays, position = {}, 0
        for name, (kind, *shape) in sorted(parsed["arrays"].items()):
            if kind not in TYPES:
                raise ValueError(f"an array of type {kind}")
            length = int(np.prod(shape)) * np.dtype(kind).itemsize
            arrays[name] = np.frombuffer(body[position : position + length], kind).reshape(shape)
            position += length
        return parsed["meta"], arrays
    except (ValueError, KeyError, TypeError) as error:
        raise JudgeError(f"{where} is no judge of this version of Jokebot: {error}.") from error


def digest_of(data: bytes) -> str:
    """The content's SHA-256, which stands at its end."""
    return data[-DIGEST_BYTES:].decode()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that is complete whenever it exists. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".unfinished-{path.name}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
