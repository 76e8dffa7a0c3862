"""The benchmarks' photos: JPEGs of 208 KB and 1280 × 960 pixels, each with pixels of its own."""

import io

import numpy
from PIL import Image

PHOTO_BYTES = 208_000
DIGITS = 40
"""Values of one quantisation step; three steps make 64,000 photos."""


class Photos:
    """Distinct JPEGs of one picture that differ in the three lowest horizontal and vertical quantisation steps.

    A step scales the coefficients of every block, so that thousands of pixels differ between any two photos, and a
    cache of pictures finds none of them twice. Nothing is encoded again: the clients need little CPU time.
    """

    def __init__(self) -> None:
        noise = numpy.random.default_rng(0)
        base = noise.normal(128, 40, (120, 160, 3)).repeat(8, 0).repeat(8, 1) + noise.normal(0, 9, (960, 1280, 3))
        picture = Image.fromarray(base.clip(0, 255).astype("uint8"))
        low, high = 5, 95
        while low < high:
            quality = (low + high + 1) // 2
            low, high = (quality, high) if len(self.encode(picture, quality)) <= PHOTO_BYTES else (low, quality - 1)
        self.jpeg = bytearray(self.encode(picture, low))
        # The first table is for brightness. After its mark come two bytes of length, one of kind, and the step of the
        # constant part.
        self.steps = self.jpeg.index(b"\xff\xdb") + 5 + 1
        self.made = 0

    @staticmethod
    def encode(picture: Image.Image, quality: int) -> bytes:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    def next(self) -> bytes:
        self.made += 1
        return self.photo(self.made)

    def photo(self, number: int) -> bytes:
        """The photo of that number, 0 to 63,999: the same bytes each time."""
        for index in range(3):
            self.jpeg[self.steps + index] = 4 + number % DIGITS
            number //= DIGITS
        return bytes(self.jpeg)
