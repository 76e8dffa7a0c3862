"""Decoded photos of the last requests in LMDeploy's server process, so that another joke decodes none a second time.

LMDeploy decodes a request's picture in a thread, 10 ms for 1280 × 960, and our preprocess takes its pixels and their
hash, 10 ms more. `register` puts a memory before the first; the second keeps its result with the picture.
"""

import hashlib
import importlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

PREPARED = "jokebot_prepared"
"""Key in a memorized picture's `info`: a dict for what the preprocess has made of it."""
MEMO_BYTES = 256_000_000
"""Memory of all decoded photos: 30 of 1280 × 960."""
PIXEL_BYTES = 7
"""A pixel takes 4 bytes in Pillow and 3 in the preprocess's array."""


@dataclass
class MemoEntry:
    """A photo that is decoded or about to be; `lock` is held while it is decoded."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    image: Image.Image | None = None

    @property
    def bytes(self) -> int:
        return PIXEL_BYTES * self.image.width * self.image.height if self.image else 0


class PhotoMemo:
    """Decoded pictures by the SHA-256 of their files. The oldest are dropped at `max_bytes`. Threads may share it."""

    def __init__(self, max_bytes: int = MEMO_BYTES) -> None:
        self._entries: OrderedDict[str, MemoEntry] = OrderedDict()
        self._max_bytes = max_bytes
        self._lock = threading.Lock()

    def load(self, data: bytes, decode: Callable[[bytes], Image.Image]) -> Image.Image:
        """The picture of a file's content. One thread decodes it, others wait. Raises what `decode` raises."""
        key = hashlib.sha256(data).hexdigest()
        with self._lock:
            entry = self._entries.setdefault(key, MemoEntry())
            self._entries.move_to_end(key)
        with entry.lock:
            if entry.image is None:
                image = decode(data)
                image.info[PREPARED] = {}
                entry.image = image
                self._drop_oldest()
            return entry.image

    def _drop_oldest(self) -> None:
        with self._lock:
            size = sum(entry.bytes for entry in self._entries.values())
            while size > self._max_bytes and len(self._entries) > 1:
                size -= self._entries.popitem(last=False)[1].bytes


def register() -> None:
    """Put a memory before LMDeploy's decoding of pictures. Raises AttributeError if LMDeploy differs."""
    loader = importlib.import_module("lmdeploy.vl.media.image").ImageMediaIO
    memo, load_bytes = PhotoMemo(), loader.load_bytes

    def load_with_memo(self: Any, data: bytes) -> Image.Image:
        return memo.load(data, lambda content: load_bytes(self, content))

    loader.load_bytes = load_with_memo
