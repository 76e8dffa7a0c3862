"""Sizes, thumbnails and durations of pictures. A file may be anything: whatever a decoder raises, it is no picture."""

import io
import logging
from collections.abc import Callable
from typing import TypeVar

from PIL import Image

from storage.media.image_structure import inspect_image

log = logging.getLogger(__name__)

THUMBNAIL_SIDE = 320
THUMBNAIL_PIXELS = 100_000_000
T = TypeVar("T")


def measure(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, from the header; None if Pillow can't read it or it is a bomb."""

    def size() -> tuple[int, int] | None:
        inspect_image(data)
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size if min(picture.size) > 0 else None

    return _tried(size, None)


def shrunk(size: tuple[int, int], side: int = THUMBNAIL_SIDE) -> tuple[int, int]:
    """The size of the thumbnail of a picture of `size`."""
    scale = side / max(size)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))) if scale < 1 else size


def thumbnail(data: bytes) -> bytes:
    """A JPEG of at most 320 pixels a side; a grey one if the picture can't be decoded.

    Takes milliseconds to seconds: call it in a thread.
    """
    size = measure(data) or (1, 1)
    target = shrunk(size)

    def decoded() -> Image.Image | None:
        if size[0] * size[1] > THUMBNAIL_PIXELS:
            return None
        with Image.open(io.BytesIO(data)) as picture:
            picture.draft("RGB", target)
            return picture.convert("RGB").resize(target, Image.Resampling.BILINEAR)

    out = io.BytesIO()
    (_tried(decoded, None) or Image.new("RGB", target, "grey")).save(out, "JPEG", quality=80)
    return out.getvalue()


def decodes(data: bytes) -> bool:
    """Whether the whole picture can be decoded, as Telegram requires for a bot's photo. Call it in a thread."""

    def load() -> bool:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
        return True

    return _tried(load, False)


def duration_s(data: bytes) -> int:
    """Duration of an animated picture in whole seconds, at least 1; 1 for other files."""

    def duration() -> int:
        with Image.open(io.BytesIO(data)) as picture:
            return max(1, round(getattr(picture, "n_frames", 1) * picture.info.get("duration", 100) / 1000))

    return _tried(duration, 1)


def _tried(read: Callable[[], T], otherwise: T) -> T:
    """What `read` returns; `otherwise` where the file makes it fail."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001  Pillow may raise anything, as NotImplementedError for a DDS
        log.debug("a file is no picture: %r", error)
        return otherwise
