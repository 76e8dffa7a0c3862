"""Counts the scans of a JPEG file without decoding it.

A decoder walks over all blocks of a picture once for each scan, however few bytes the scan has. Like libjpeg, this
skips what it does not know between two segments. Marker codes: ITU-T T.81, table B.1.
"""

import re
from dataclasses import dataclass

MARKER = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
"""The next marker with a segment or an end: neither a stuffed 0xFF byte, a fill byte nor a restart marker."""
EOI, SOS = 0xD9, 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
MAX_SEGMENTS = 16_384
"""A JPEG of 20 MB with extended XMP has some 300 segments."""
BLOCK_BYTES = 128
"""64 coefficients of 16 bits, as libjpeg stores them."""


@dataclass(frozen=True)
class JpegScans:
    """The sides in pixels, 0 without a frame header; how many scans and segments, scans included, were counted.

    `has_end`: whether there is an end marker.
    `coefficient_bytes` is what libjpeg holds of a picture in several scans besides the decoded image.
    """

    width: int
    height: int
    scans: int
    segments: int
    coefficient_bytes: int
    has_end: bool


def scan_jpeg(data: bytes) -> JpegScans:
    """Count scans and segments up to the end, or up to one more than MAX_SEGMENTS in all."""
    width = height = scans = segments = coefficients = position = 0
    components, buffered, ended = 0, False, False
    while (match := MARKER.search(data, position)) and segments <= MAX_SEGMENTS:
        code, position = match[1][0], match.end()
        if code == EOI:
            ended = True
            break
        if code == 0xD8:
            continue
        segments += 1
        segment = data[position : position + 24]
        if code in FRAMES and len(segment) >= 8:
            height, width, components = (
                int.from_bytes(segment[3:5], "big"),
                int.from_bytes(segment[5:7], "big"),
                segment[7],
            )
            coefficients = _coefficient_bytes(width, height, data[position + 8 : position + 8 + 3 * components])
            buffered = code in PROGRESSIVE
        elif code == SOS:
            scans += 1
            buffered = buffered or segment[2:3] < bytes([components])
        position += max(2, int.from_bytes(segment[:2], "big"))
    return JpegScans(width, height, scans, segments, coefficients if buffered else 0, ended)


def _coefficient_bytes(width: int, height: int, components: bytes) -> int:
    """Bytes of the coefficients of all blocks. `components`: three bytes each, the second has the sampling factors."""
    factors = [(sampling >> 4 or 1, sampling & 15 or 1) for sampling in components[1::3]]
    across, down = (max((pair[side] for pair in factors), default=1) for side in (0, 1))
    blocks = sum(-(-width * x // (8 * across)) * -(-height * y // (8 * down)) for x, y in factors)
    return blocks * BLOCK_BYTES
