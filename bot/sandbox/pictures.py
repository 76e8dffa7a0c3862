"""What the sandbox has to know of a picture: its size from the header, and a small version of it."""

import io

from PIL import Image

from storage.media.image_structure import ImageTooCostly, inspect_image

THUMBNAIL_SIDE = 320
THUMBNAIL_PIXELS = 100_000_000


def measure(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels from the header alone; None for what Pillow can't read, and for bombs."""
    try:
        inspect_image(data)
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    except ImageTooCostly:
        return None


def shrunk(size: tuple[int, int], side: int = THUMBNAIL_SIDE) -> tuple[int, int]:
    """The size that `thumbnail` gives to a picture of `size`."""
    scale = side / max(size)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))) if scale < 1 else size


def thumbnail(data: bytes) -> bytes:
    """A JPEG of at most 320 pixels a side; a grey one where the picture's body can't be read. Takes milliseconds to
    seconds: call it off the event loop."""
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
    """Whether the whole picture can be decoded, as Telegram demands of a bot's photo. Call it off the event loop."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return False
    return True


def duration_s(data: bytes) -> int:
    """Length of an animated picture in whole seconds, at least 1; 1 for anything else."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return max(1, round(getattr(picture, "n_frames", 1) * picture.info.get("duration", 100) / 1000))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return 1
