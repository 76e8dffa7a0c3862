"""A JPEG file without what surrounds the picture: no EXIF, GPS, XMP, comments, thumbnails or trailing data.

The picture's own coded data is copied byte for byte, so nothing is lost. Marker codes: ITU-T T.81, table B.1.
"""

import re

SOI, EOI, SOS, COM, APP0, APP14 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xEE
NEEDED = {0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD}
"""Huffman tables, arithmetic conditioning, scan, quantisation tables, number of lines, restart interval."""
FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Frame headers that decoders know: baseline, extended, progressive, and the last two with arithmetic coding."""
SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The next marker after coded data: neither a stuffed 0xFF byte nor a restart marker."""


def strip_jpeg(data: bytes) -> bytes | None:
    """The same picture in as few bytes, or None where the file is built in a way that can't be copied safely.

    JFIF and Adobe segments stay (they say how colours are coded), without the thumbnail a JFIF segment may carry.
    """
    if not data.startswith(b"\xff\xd8"):
        return None
    parts, position = [b"\xff\xd8"], 2
    while (marker := _marker(data, position)) is not None:
        code, position = marker
        if code == EOI:
            return b"".join([*parts, b"\xff\xd9"])
        end = position + int.from_bytes(data[position : position + 2], "big")
        if end < position + 2 or end > len(data):
            return None
        segment = _kept_segment(code, data[position + 2 : end])
        if segment is None:
            return None
        parts.append(segment)
        position = end
        if code == SOS:
            after = SCAN_END.search(data, position)
            if after is None:
                return None
            end = _fill_start(data, position, after.start())
            parts.append(data[position:end])
            position = end
    return None


def _fill_start(data: bytes, first: int, marker: int) -> int:
    """Where the fill bytes in front of a marker begin. A pattern for them would take quadratic time."""
    while marker > first and data[marker - 1] == 0xFF:
        marker -= 1
    return marker


def _marker(data: bytes, position: int) -> tuple[int, int] | None:
    """The marker at `position` and where its segment starts, past fill bytes; None where there is none."""
    if data[position : position + 1] != b"\xff":
        return None
    while data[position : position + 1] == b"\xff":
        position += 1
    return (data[position], position + 1) if position < len(data) else None


def _kept_segment(code: int, payload: bytes) -> bytes | None:
    """The segment to write: empty for one that is dropped, None for one that is not understood."""
    if code == APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
        payload = payload[:12] + b"\0\0"
    elif code == APP14 and payload.startswith(b"Adobe"):
        if len(payload) != 12:
            return None
    elif code == COM or 0xE0 <= code <= 0xEF:
        return b""
    elif code not in NEEDED | FRAMES:
        return None
    return b"\xff" + bytes([code]) + (len(payload) + 2).to_bytes(2, "big") + payload
