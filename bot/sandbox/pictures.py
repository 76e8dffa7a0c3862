"""Sizes, thumbnails and durations of pictures."""

import io

from PIL import Image

from storage.media.image_structure import ImageTooCostly, inspect_image

THUMBNAIL_SIDE = 320
THUMBNAIL_PIXELS = 100_000_000


def measure(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, from the header; None if Pillow can't read it or it is a bomb."""
    try:
        inspect_image(data)
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    except ImageTooCostly:
        return None


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
    try:
        if size[0] * size[1] > THUMBNAIL_PIXELS:
            raise ValueError("too large for a thumbnail")
        with Image.open(io.BytesIO(data)) as picture:
            picture.draft("RGB", target)
            small = picture.convert("RGB").resize(target, Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        small = Image.new("RGB", target, "grey")
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80)
    return out.getvalue()


def decodes(data: bytes) -> bool:
    """Whether the whole picture can be decoded, as Telegram requires for a bot's photo. Call it in a thread."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return False
    return True


def duration_s(data: bytes) -> int:
    """Duration of an animated picture in whole seconds, at least 1; 1 for other files."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return max(1, round(getattr(picture, "n_frames", 1) * picture.info.get("duration", 100) / 1000))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return 1
