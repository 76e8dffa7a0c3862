"""Turns and converts a decoded picture strip by strip, so that it is in memory once and its RGB result once.

The result is the same to the bit as turning and converting the whole: all conversions work on single pixels.
"""

from collections.abc import Callable

from PIL import Image

STRIP_PIXELS = 2_000_000
Transpose = Image.Transpose
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What makes a picture upright, by its EXIF orientation."""


def render_upright(image: Image.Image, orientation: int, to_rgb: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """The picture as an upright RGB image. `to_rgb` converts a part of it to RGB and must keep the part's size."""
    turn = TURNS.get(orientation)
    width, height = image.size
    upright = Image.new("RGB", (height, width) if orientation >= 5 else (width, height))
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = to_rgb(image.crop((0, top, width, bottom)))
        # Orientations 3, 4, 6 and 7 count the rows from the other end.
        start = height - bottom if orientation in (3, 4, 6, 7) else top
        upright.paste(strip if turn is None else strip.transpose(turn), (start, 0) if orientation >= 5 else (0, start))
    return upright


def decoded_bytes(image: Image.Image) -> int:
    """What the decoded image takes in memory, from its mode and size."""
    return image.width * image.height * (1 if image.mode in ("1", "L", "P") else 2 if "16" in image.mode else 4)


def rgb_bytes(image: Image.Image) -> int:
    """What the RGB result takes: Pillow stores four bytes a pixel."""
    return image.width * image.height * 4
