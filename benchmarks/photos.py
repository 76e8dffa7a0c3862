"""The benchmarks' photos: distinct JPEGs of 208 KB and 1280 × 960 pixels."""

import io

import numpy
from PIL import Image

PHOTO_BYTES = 208_000


class Photos:
    """Distinct JPEGs of one picture that differ in the highest-frequency quantisation steps."""

    def __init__(self) -> None:
        noise = numpy.random.default_rng(0)
        base = noise.normal(128, 40, (120, 160, 3)).repeat(8, 0).repeat(8, 1) + noise.normal(0, 9, (960, 1280, 3))
        picture = Image.fromarray(base.clip(0, 255).astype("uint8"))
        low, high = 5, 95
        while low < high:
            quality = (low + high + 1) // 2
            low, high = (quality, high) if len(self.encode(picture, quality)) <= PHOTO_BYTES else (low, quality - 1)
        self.jpeg = bytearray(self.encode(picture, low))
        self.steps = self.jpeg.index(b"\xff\xdb") + 5 + 60
        self.made = 0

    @staticmethod
    def encode(picture: Image.Image, quality: int) -> bytes:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    def next(self) -> bytes:
        self.made += 1
        number = self.made
        for index in range(3):
            self.jpeg[self.steps + index] = 1 + number % 250
            number //= 250
        return bytes(self.jpeg)
