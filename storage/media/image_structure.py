"""What a picture file costs to decode, judged from its headers before a decoder sees it.

The limits are on work, not on bytes: a few kilobytes can ask for thousands of JPEG scans, millions of TIFF tiles or a
gigabyte of memory. Every function here is linear in the file's size and reads no pixel.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from storage.media.heif_brands import avif_size, box_kind
from storage.media.jpeg_scans import MAX_SEGMENTS, scan_jpeg

ORDINARY_SCANS = 16
"""libjpeg writes 10 scans of a colour picture, mozjpeg's search up to about 12. A file with more is encoded anew."""
MAX_SCAN_PIXELS = 16 * 52_000_000
"""Scans × pixels of one JPEG: an ordinary one of 52 megapixels. A scan costs 0.3 to 5 ns a pixel (2-core Xeon)."""
MAX_TILES = 65_536
"""Tiles or strips of one TIFF; Pillow takes about 10 µs for each. A strip a row is usual, one a pixel is not."""
MAX_RLE_BYTES = 3_000_000
"""Run-length data of one BMP: Pillow decodes it in Python, at about 1.5 MB/s."""
MAX_CHUNKS = 65_536
"""Chunks of one PNG. A picture of 20 MB in the usual chunks of 8 KB has 2,500."""
MAX_GIF_BLOCKS = 400_000
"""Data blocks in front of the first frame of a GIF; 20 MB in blocks of the usual 255 bytes are 80,000."""
MAX_WEBP_FRAMES = 10_000
AVIF_PIXEL_BYTES = 10
"""Of the decoder: planes of 8 to 12 bits, the RGB pixels, and Pillow's bytes of them. 12 megapixels took 5."""
TAG_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Sizes of the field types of TIFF 6.0, section 2, and of BigTIFF."""
WIDTH, HEIGHT, BITS, COMPRESSION = 256, 257, 258, 259
STRIPS, SAMPLES, ROWS, TILE_WIDTH, TILE_HEIGHT, TILES = 273, 277, 278, 322, 323, 324
SIZE_TAGS = {STRIPS + 6, TILES + 1}
"""The byte counts of strips and tiles: as many as there are strips and tiles."""


class ImageTooCostly(Exception):
    """A file asks for more work or memory than any ordinary picture of its kind."""


@dataclass(frozen=True)
class ImageStructure:
    """What the headers promise. `width` and `height` are 0 where they can't be read; the decoder will refuse the file.

    `decoder_bytes` is what the decoder needs besides the decoded image. `scans` is 0 for anything but JPEG, and
    `lacks_end` says that a JPEG has no end marker.
    """

    format: str = ""
    width: int = 0
    height: int = 0
    decoder_bytes: int = 0
    scans: int = 0
    lacks_end: bool = False

    @property
    def pixels(self) -> int:
        """Width × height."""
        return self.width * self.height

    @property
    def has_extra_scans(self) -> bool:
        """Whether it is a JPEG with more scans than an ordinary encoder writes, to be encoded anew."""
        return self.scans > ORDINARY_SCANS


def inspect_image(data: bytes) -> ImageStructure:
    """Read a file's headers. Raises ImageTooCostly where they ask for work that no ordinary picture does.

    A file that is damaged or of an unknown kind gives as much as could be read: what it is, the decoder judges.
    """
    if box_kind(data) == "avif":
        width, height = avif_size(data)
        return ImageStructure("AVIF", width, height, AVIF_PIXEL_BYTES * width * height)
    for magic, inspect in INSPECTORS.items():
        if data.startswith(magic):
            try:
                return inspect(data)
            except (struct.error, IndexError):
                return ImageStructure()
    return ImageStructure()


def _jpeg(data: bytes) -> ImageStructure:
    jpeg = scan_jpeg(data)
    pixels = max(jpeg.width * jpeg.height, 64)
    if jpeg.segments > MAX_SEGMENTS or (jpeg.scans > ORDINARY_SCANS and jpeg.scans * pixels > MAX_SCAN_PIXELS):
        raise ImageTooCostly(f"{jpeg.scans} scans and {jpeg.segments} segments of {pixels} pixels")
    return ImageStructure(
        "JPEG", jpeg.width, jpeg.height, jpeg.coefficient_bytes, jpeg.scans, jpeg.scans > 0 and not jpeg.has_end
    )


def _png(data: bytes) -> ImageStructure:
    position = 8
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data) or data[position + 4 : position + 8] == b"IEND":
            return ImageStructure("PNG", *struct.unpack_from(">II", data, 16))
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    raise ImageTooCostly(f"more than {MAX_CHUNKS} chunks")


def _gif(data: bytes) -> ImageStructure:
    flags = data[10]
    position, blocks = 13 + ((6 << (flags & 7)) if flags & 128 else 0), 0
    while data[position] == 0x21:  # an extension: its code, then blocks up to an empty one
        position += 2
        while size := data[position]:
            position, blocks = position + 1 + size, blocks + 1
            if blocks > MAX_GIF_BLOCKS:
                raise ImageTooCostly(f"more than {blocks} blocks of metadata")
        position += 1
    return ImageStructure("GIF", *struct.unpack_from("<HH", data, 6))


def _webp(data: bytes) -> ImageStructure:
    if data.count(b"ANMF") > MAX_WEBP_FRAMES:
        raise ImageTooCostly(f"more than {MAX_WEBP_FRAMES} frames")
    chunk, width, height = data[12:16], 0, 0
    if chunk == b"VP8X":
        width, height = (int.from_bytes(data[start : start + 3], "little") + 1 for start in (24, 27))
    elif chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    # libwebp's animation decoder holds two canvases, and Pillow the frame as bytes besides its image; 4 bytes a pixel.
    return ImageStructure("WEBP", width, height, 12 * width * height)


def _bmp(data: bytes) -> ImageStructure:
    if struct.unpack_from("<I", data, 14)[0] == 12:
        return ImageStructure("BMP", *struct.unpack_from("<HH", data, 18))
    width, height = (abs(side) for side in struct.unpack_from("<ii", data, 18))
    run_length_coded = struct.unpack_from("<I", data, 30)[0] in (1, 2)
    if run_length_coded and len(data) > MAX_RLE_BYTES:
        raise ImageTooCostly(f"{len(data)} bytes of run lengths")
    return ImageStructure("BMP", width, height, 2 * width * height if run_length_coded else 0)


def _tiff(data: bytes) -> ImageStructure:
    order = "<" if data.startswith(b"II") else ">"
    big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    counter, value, step = ("Q", "Q", 20) if big else ("H", "I", 12)
    start = struct.unpack_from(f"{order}{value}", data, 8 if big else 4)[0]
    entries = struct.unpack_from(f"{order}{counter}", data, start)[0]
    tags, counts, bytes_ = {}, {}, 0
    position = start + struct.calcsize(counter)
    for place in range(position, position + step * min(entries, 65_535), step):
        if place + step > len(data):
            break
        tag, kind, count = struct.unpack_from(f"{order}HH{value}", data, place)
        field = place + (12 if big else 8)
        counts[tag], size = count, count * TAG_BYTES.get(kind, 1)
        if size > (8 if big else 4):
            bytes_, field = bytes_ + size, struct.unpack_from(f"{order}{value}", data, field)[0]
        if kind in (3, 4, 16) and field + 4 <= len(data):
            tags[tag] = struct.unpack_from(f"{order}H" if kind == 3 else f"{order}I", data, field)[0]
    if bytes_ > len(data) + 65_536 * 8:
        raise ImageTooCostly(f"{bytes_} bytes of fields that lie over each other")
    return _tiff_structure(tags, counts)


def _tiff_structure(tags: dict[int, int], counts: dict[int, int]) -> ImageStructure:
    """Judge a directory: `tags` are its numbers (the first of several), `counts` how many a field has."""
    width, height = tags.get(WIDTH, 0), tags.get(HEIGHT, 0)
    part_width, part_height = width, min(tags.get(ROWS, height), height)
    if TILES in tags or TILE_WIDTH in tags:
        part_width, part_height = tags.get(TILE_WIDTH, width), tags.get(TILE_HEIGHT, height)
    parts = -(-width // max(part_width, 1)) * -(-height // max(part_height, 1))
    listed = max((counts.get(tag, 0) for tag in (STRIPS, TILES, *SIZE_TAGS)), default=0)
    if max(parts, listed) > MAX_TILES:
        raise ImageTooCostly(f"{max(parts, listed)} tiles or strips")
    # libtiff decodes one part at a time; data that is not compressed needs no buffer.
    sample_bytes = max(tags.get(BITS, 8), 8) // 8 * tags.get(SAMPLES, 1) if tags.get(COMPRESSION, 1) != 1 else 0
    return ImageStructure("TIFF", width, height, part_width * part_height * sample_bytes)


INSPECTORS: dict[bytes, Callable[[bytes], ImageStructure]] = {
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"GIF8": _gif,
    b"RIFF": _webp,
    b"BM": _bmp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"II+\0": _tiff,
    b"MM\0+": _tiff,
}
