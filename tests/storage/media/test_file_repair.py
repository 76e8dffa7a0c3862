"""Files that every viewer shows become photos, with the limits on hostile ones kept."""

import struct
import zlib
from functools import partial

import pytest
from PIL import Image, PngImagePlugin

from storage.media.file_repair import repair_file
from storage.media.photos import PhotoError, check_photo

check = partial(check_photo, max_bytes=20_000_000, max_pixels=52_000_000)
TURNED_XMP = b'<x tiff:Orientation="6"/>'


def chunk(name: bytes, data: bytes, wrong_sum: bool = False) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ wrong_sum)


@pytest.mark.parametrize(
    "more",
    [
        chunk(b"iCCP", b"camera\0\0" + zlib.compress(bytes(2_000_000))),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<x/>" * 700_000)),
        chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"{}" * 2_000_000)),
        chunk(b"zTXt", b"note\0\0" + zlib.compress(b" " * 60_000_000)) * 4,
        chunk(b"tEXt", b"a\0b", wrong_sum=True),
        chunk(b"pHYs", b"\0\0\0\1\0\0\0\1\1", wrong_sum=True),
        chunk(b"eXIf", b"MM\0*\0\0\0\x08", wrong_sum=True),
        chunk(b"iCCP", b"damaged\0\0not deflate"),
        chunk(b"acTL", struct.pack(">II", 2, 0)),
    ],
    ids=["profile", "XMP", "text", "texts", "sum of text", "sum of size", "sum of exif", "damaged", "animation"],
)
def test_a_png_is_its_picture_whatever_is_in_other_chunks(scene, encode, more):
    png = encode(scene(), "PNG")
    assert check(png[:33] + more + png[33:]) == check(png)


@pytest.mark.parametrize("name", [b"PLTE", b"IHDR"])
def test_a_wrong_checksum_of_the_picture_itself_is_broken(scene, encode, name):
    png = bytearray(encode(scene().convert("P"), "PNG"))
    start = png.index(name)
    png[start + 4 + int.from_bytes(png[start - 4 : start], "big")] ^= 1
    with pytest.raises(PhotoError) as caught:
        check(bytes(png))
    assert caught.value.reason == "broken"


@pytest.mark.parametrize(
    "more",
    [
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + TURNED_XMP),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(TURNED_XMP)),
    ],
    ids=["plain", "compressed"],
)
def test_an_orientation_in_xmp_still_counts(scene, encode, more):
    png = encode(scene(), "PNG")
    assert check(png[:33] + more + png[33:]).width == 240


def test_transparency_and_exif_behind_the_pixels_stay(scene, encode):
    exif = Image.Exif()
    exif[0x0112] = 6
    png = encode(scene().convert("P"), "PNG", transparency=0)
    turned = png[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + png[-12:]
    assert b"tRNS" in repair_file(png) and check(turned).width == 240


def test_the_default_picture_of_an_animated_png_is_taken(scene, encode):
    frames = [scene(), Image.new("RGB", (320, 240), "lime")]
    animated = encode(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert check(animated) == check(encode(scene(), "PNG"))
    assert b"fdAT" in animated and b"fdAT" not in repair_file(animated)


def test_notes_of_a_png_are_left_out_and_what_is_broken_off_stays_so(scene, encode):
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", "SecretName")
    png = encode(scene(), "PNG", pnginfo=notes)
    assert b"Secret" not in repair_file(png)
    assert repair_file(png[:-200])[-50:] == png[:-200][-50:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("before", [b"\r\n", b"\n\n", b" " * 20])
def test_blanks_in_front_of_a_file_do_no_harm(scene, encode, kind, before):
    data = encode(scene(), kind)
    assert check(before + data) == check(data)


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\n" * 500, b"\n\nhello", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\0\0\0"]
)
def test_what_needs_no_repair_stays_as_it_is(data):
    assert repair_file(data) == data
