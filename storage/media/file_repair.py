"""Makes files readable that every viewer shows and Pillow refuses.

A PNG loses the chunks that its picture does not need, so a wrong checksum or much text in them does no harm. Bytes in
front of a file's signature go. A JPEG gets the end marker that it lacks.
"""

import hashlib
import io
import zlib

from PIL import Image

BLANKS = b"\r\n\t \0"
MAX_BLANKS = 64
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
USED_CHUNKS = {b"tRNS", b"iCCP", b"eXIf"}
USED_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")
"""Texts in which programs write the orientation."""
MAX_TEXT_BYTES = 1 << 20
"""Pillow refuses a file whose text or profile unfolds to more."""
JPEG_END = b"\xff\xd9"
INVENTED = bytes((0x55, 0xAA, 0x93, 0x1C)) * 16
ROWS = 256


def repair_file(data: bytes) -> bytes:
    """The same picture without what keeps Pillow from reading it; the same object where nothing is to be done."""
    start = len(data) - len(data[:MAX_BLANKS].lstrip(BLANKS)) - len(data[MAX_BLANKS:])
    if start and data.startswith(SIGNATURES, start):
        data = data[start:]
    return _needed_chunks(data) if data.startswith(PNG_SIGNATURE) else data


def _needed_chunks(data: bytes) -> bytes:
    """A PNG with its critical chunks and those ancillary ones that matter and are whole, each of these once."""
    parts, position, seen = [PNG_SIGNATURE], len(PNG_SIGNATURE), set()
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if end > len(data):
            break
        name = data[position + 4 : position + 8]
        critical = not name[0] & 0x20
        if critical or (name not in seen and _is_used(name, data[position + 8 : end - 4], data[end - 4 : end])):
            parts.append(data[position:end])
            seen.add(name)
        position = end
        if name == b"IEND":
            return b"".join(parts)
    return b"".join([*parts, data[position:]])


def _is_used(name: bytes, body: bytes, checksum: bytes) -> bool:
    """Whether an ancillary chunk says how to show the picture, its checksum is right and Pillow will unfold it."""
    text = name in (b"tEXt", b"zTXt", b"iTXt") and body.startswith(USED_TEXTS)
    if not (text or name in USED_CHUNKS) or zlib.crc32(name + body) != int.from_bytes(checksum, "big"):
        return False
    keyword_end = body.find(b"\0")
    if name == b"iTXt" and body[keyword_end + 1 : keyword_end + 2] == b"\1":
        return _unfolds(body.split(b"\0", 4)[-1] if body.count(b"\0") >= 4 else b"")
    return _unfolds(body[keyword_end + 2 :]) if name in (b"zTXt", b"iCCP") else len(body) <= MAX_TEXT_BYTES


def _unfolds(compressed: bytes) -> bool:
    """Whether the data unfolds to at most MAX_TEXT_BYTES. Damaged data does: Pillow skips it."""
    unfolding = zlib.decompressobj()
    try:
        unfolding.decompress(compressed, MAX_TEXT_BYTES)
    except zlib.error:
        return True
    return not unfolding.unconsumed_tail


def complete_jpeg(data: bytes) -> bytes:
    """A JPEG with the end marker that it lacks. Raises OSError where more than that is missing.

    A decoder fills what is missing without a word. So the picture is decoded twice, with and without invented data
    behind the file's: where that changes a pixel, pixels are missing.
    """
    data = data.removesuffix(b"\xff")
    if _pixels(data + JPEG_END) != _pixels(data + INVENTED + JPEG_END):
        raise OSError("the picture breaks off")
    return data + JPEG_END


def _pixels(jpeg: bytes) -> bytes:
    """A hash of the decoded pixels."""
    digest = hashlib.sha256()
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
        for top in range(0, image.height, ROWS):
            digest.update(image.crop((0, top, image.width, min(top + ROWS, image.height))).tobytes())
    return digest.digest()
