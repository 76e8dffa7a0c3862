"""Removes EXIF, GPS, XMP, comments, thumbnails and trailing data from a JPEG file.

The coded picture data is copied byte for byte. Marker codes: ITU-T T.81, table B.1.
"""

import re

SOI, EOI, SOS, COM, APP0, APP14 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xEE
NEEDED = {0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD}
"""Huffman tables, arithmetic conditioning, scan, quantisation tables, number of lines, restart interval."""
FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Supported frame headers: baseline, extended, progressive, and the last two with arithmetic coding."""
SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The next marker after coded data: neither a stuffed 0xFF byte nor a restart marker."""


def strip_jpeg(data: bytes) -> bytes | None:
    """The file without metadata, or None if its structure can't be copied safely.

    JFIF and Adobe segments stay, because they define the colour coding, but without a JFIF thumbnail.
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
    """The first of the fill bytes before a marker. A regular expression for them would take quadratic time."""
    while marker > first and data[marker - 1] == 0xFF:
        marker -= 1
    return marker


def _marker(data: bytes, position: int) -> tuple[int, int] | None:
    """The marker at `position` and the start of its segment, after fill bytes; None if there is no marker."""
    if data[position : position + 1] != b"\xff":
        return None
    while data[position : position + 1] == b"\xff":
        position += 1
    return (data[position], position + 1) if position < len(data) else None


def _kept_segment(code: int, payload: bytes) -> bytes | None:
    """The segment to write: empty if it is removed, None if it is unknown."""
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
