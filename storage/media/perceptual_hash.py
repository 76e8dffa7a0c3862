"""A 64-bit perceptual hash: the hashes of similar pictures differ in few bits."""

import math
from operator import mul
from statistics import median

from PIL import Image

SIDE, BITS_SIDE = 32, 8
MASK = (1 << 64) - 1
COSINES = [[math.cos(math.pi * k * (2 * x + 1) / (2 * SIDE)) for x in range(SIDE)] for k in range(1, BITS_SIDE + 1)]
"""Rows 1..8 of the DCT-II matrix; row 0 is the mean, which doesn't describe shapes."""


def perceptual_hash(image: Image.Image) -> int:
    """The DCT hash of C. Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010), 3.2.1.

    32 × 32 grey values, their 2-D cosine transform, one bit for each of the coefficients (1..8, 1..8) that is above the
    median of the 64. Returns a signed 64-bit integer, as SQLite stores it. Plain Python: numpy would cost start-up.
    """
    grey = image.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=1.0).convert("L").tobytes()
    rows = [[sum(map(mul, cosines, grey[y : y + SIDE])) for cosines in COSINES] for y in range(0, SIDE * SIDE, SIDE)]
    columns = list(zip(*rows, strict=True))
    # Rounded, so that rounding noise of a uniform picture is 0 and all machines compute the same bits.
    values = [round(sum(map(mul, cosines, column)), 3) for cosines in COSINES for column in columns]
    middle = median(values)
    bits = sum(1 << index for index, value in enumerate(values) if value > middle)
    return bits - (1 << 64) if bits >> 63 else bits


def hamming(a: int, b: int) -> int:
    """The number of different bits of two hashes."""
    return ((a ^ b) & MASK).bit_count()
