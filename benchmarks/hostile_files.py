"""Files of the kinds that attackers and phones send: small ones that cost much to decode, and ordinary ones."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import partial

from PIL import Image, PngImagePlugin

TURNED = Image.Exif()
TURNED[0x0112] = 6
HUGE = (7070, 7070)
"""Just under 50 million pixels."""
PHONE_50 = (8192, 6144)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image as a file of that kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def repeated_scans(side: int, scans: int, mode: str = "L") -> bytes:
    """A progressive JPEG of one colour whose last scan is there `scans` times more."""
    colour = 128 if mode == "L" else (9, 99, 200)
    jpeg = encoded(Image.new(mode, (side, side), colour), "JPEG", quality=20, progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last * scans + b"\xff\xd9"


def tiles_of_one_pixel(side: int) -> bytes:
    """A TIFF of side × side tiles of one pixel, all of whose offsets point at one byte: 8 bytes of file a tile."""
    tiles, start = side * side, 8 + 2 + 12 * 10 + 4
    long_ = {256: (1, side), 257: (1, side), 322: (1, 1), 323: (1, 1)}
    long_ |= {324: (tiles, start + 1), 325: (tiles, start + 1 + 4 * tiles)}
    short = {258: 8, 259: 1, 262: 1, 277: 1}
    entries = [struct.pack("<HHII", tag, 4, *value) for tag, value in long_.items()]
    entries += [struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in short.items()]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(sorted(entries, key=lambda one: one[:2][::-1]))
    return head + bytes(4) + b"\x80" + struct.pack("<I", start) * tiles + struct.pack("<I", 1) * tiles


def run_length_bmp(width: int, height: int) -> bytes:
    """A BMP of 8 bits in runs of one pixel: two bytes of file a pixel."""
    data = (b"\1\7" * width + b"\0\0") * height + b"\0\1"
    palette = bytes(1024)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(data), 0, 0, 54 + 1024) + header + palette + data


def many_frames_gif(frames: int) -> bytes:
    """A GIF of HUGE size with as many frames of one pixel behind its first."""
    gif = encoded(Image.new("P", HUGE, 3), "GIF")
    frame = b"\x21\xf9\4\0\0\0\0\0" + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x4c\1\0"
    return gif[:-1] + frame * frames + b";"


def many_frames_apng(frames: int) -> bytes:
    """An animated PNG of HUGE size and as many frames of one pixel."""
    png = encoded(Image.new("RGBA", HUGE, (1, 2, 3, 9)), "PNG", compress_level=9)
    end = png.index(b"IEND") - 4
    pixel, parts = zlib.compress(bytes(5)), []
    for number in range(1, frames):
        control = struct.pack(">IIIIIHHBB", 2 * number, 1, 1, 0, 0, 1, 10, 0, 0)
        parts += [_chunk(b"fcTL", control), _chunk(b"fdAT", struct.pack(">I", 2 * number + 1) + pixel)]
    control = _chunk(b"acTL", struct.pack(">II", frames, 0)) + _chunk(
        b"fcTL", struct.pack(">IIIIIHHBB", 0, *HUGE, *[0] * 6)
    )
    return png[:33] + control + png[33:end] + b"".join(parts) + png[end:]


def large_metadata() -> bytes:
    """A PNG whose texts unfold to 240 MB."""
    text = zlib.compress(b" " * 60_000_000, 9)
    chunks = [_chunk(b"zTXt", b"note\0\0" + text) for _ in range(4)]
    png = encoded(Image.new("RGB", (640, 480), (1, 2, 3)), "PNG")
    return png[:33] + b"".join(chunks) + png[33:]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


BOMBS: dict[str, Callable[[], bytes]] = {
    "repeated scans": partial(repeated_scans, 7000, 3000),
    "tiles of one pixel": partial(tiles_of_one_pixel, 700),
    "run lengths": partial(run_length_bmp, 3000, 3000),
    "tiny WebP": lambda: encoded(
        Image.new("RGBA", HUGE, (1, 2, 3, 9)), "WEBP", lossless=True, method=0, exif=TURNED.tobytes()
    ),
    "RGBA PNG": lambda: encoded(Image.new("RGBA", HUGE, (1, 2, 3, 100)), "PNG", compress_level=9),
    "rotated PNG": lambda: encoded(Image.new("RGB", HUGE, (1, 2, 3)), "PNG", compress_level=9, exif=TURNED),
    "frames": partial(many_frames_gif, 100_000),
    "APNG frames": partial(many_frames_apng, 10_000),
    "large metadata": large_metadata,
}
"""The kinds of `make bench-hostile`; GIF and APNG frames count as one."""


def photo(size: tuple[int, int], seed: int, mode: str = "RGB") -> Image.Image:
    """Something with the detail of a photo: noise that was enlarged."""
    small = Image.frombytes("RGB", (160, 120), random.Random(seed).randbytes(160 * 120 * 3))
    return small.resize(size, Image.Resampling.BICUBIC).convert(mode)


def ordinary_files(number: int) -> list[tuple[str, bytes]]:
    """`number` files that phones and programs write, with their names: all kinds in turn, none like another."""
    makers = list(ORDINARY.items())
    return [(makers[index % len(makers)][0], makers[index % len(makers)][1](index)) for index in range(number)]


def _screenshot(seed: int) -> bytes:
    """A screen of a phone: flat areas and text, RGBA as some programs write it."""
    screen = Image.new("RGBA", (1170, 2532), (250, 250, 250, 255))
    random_ = random.Random(seed)
    for _ in range(200):
        left, top = random_.randrange(1000), random_.randrange(2400)
        screen.paste(tuple(random_.randrange(256) for _ in range(3)), (left, top, left + 150, top + 40))
    return encoded(screen, "PNG")


def _with_text(seed: int) -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Software", "a camera")
    return encoded(photo((1600, 1200), seed), "PNG", pnginfo=notes)


ORDINARY: dict[str, Callable[[int], bytes]] = {
    "progressive phone": lambda seed: encoded(
        photo((4032, 3024), seed), "JPEG", quality=88, progressive=True, exif=TURNED
    ),
    "photo": lambda seed: encoded(photo((1280, 960), seed), "JPEG", quality=87),
    "screenshot": _screenshot,
    "phone of 50 megapixels": lambda seed: encoded(photo(PHONE_50, seed), "JPEG", quality=80),
    "the same, turned": lambda seed: encoded(photo(PHONE_50, seed), "JPEG", quality=80, exif=TURNED),
    "grey": lambda seed: encoded(photo((2000, 1500), seed, "L"), "JPEG"),
    "CMYK": lambda seed: encoded(photo((2000, 1500), seed, "CMYK"), "JPEG"),
    "PNG": _with_text,
    "palette PNG": lambda seed: encoded(photo((1600, 1200), seed, "P"), "PNG"),
    "PNG of 16 bits": lambda seed: encoded(photo((1600, 1200), seed, "L").convert("I;16"), "PNG"),
    "WebP": lambda seed: encoded(photo((4000, 3000), seed), "WEBP", method=0),
    "lossless WebP": lambda seed: encoded(photo((1200, 900), seed, "RGBA"), "WEBP", lossless=True, method=0),
    "animated WebP": lambda seed: encoded(
        photo((512, 512), seed), "WEBP", save_all=True, append_images=[photo((512, 512), seed + 1000)], method=0
    ),
    "GIF": lambda seed: encoded(
        photo((640, 480), seed, "P"), "GIF", save_all=True, append_images=[photo((640, 480), seed + 1000, "P")]
    ),
    "BMP": lambda seed: encoded(photo((1600, 1200), seed), "BMP"),
    "TIFF": lambda seed: encoded(photo((1600, 1200), seed), "TIFF"),
    "TIFF with LZW": lambda seed: encoded(photo((2400, 1800), seed), "TIFF", compression="tiff_lzw"),
    "TIFF with JPEG": lambda seed: encoded(photo((2400, 1800), seed), "TIFF", compression="jpeg"),
    "MPO": lambda seed: encoded(
        photo((2000, 1500), seed), "MPO", save_all=True, append_images=[photo((640, 480), seed + 1000)]
    ),
}
