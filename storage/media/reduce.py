"""Smaller JPEGs of stored pictures, for the admin pages and the weekly post. Runs in a decoder's process."""

import io

from PIL import Image, ImageOps

from storage.media.image_check import PhotoError, PhotoTooLarge

QUALITY = 85


def reduce_picture(data: bytes, side: int, *, square: bool) -> bytes:
    """A JPEG with sides of at most `side` pixels; with `square`, the middle of the picture as a square of that side.

    Raises PhotoTooLarge where memory does not suffice, and PhotoError for a file that can't be decoded. Blocks.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (side * 2, side * 2))
            if square:
                small = ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.LANCZOS)
            else:
                image.thumbnail((side, side))
                small = image.convert("RGB")
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=QUALITY)
    except MemoryError:
        raise PhotoTooLarge from None
    except Exception as error:
        raise PhotoError("broken") from error
    return buffer.getvalue()
