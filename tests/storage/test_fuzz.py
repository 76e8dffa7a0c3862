"""Any bytes give a photo or a PhotoError, in bounded time and memory. FUZZ_PICTURES sets their number."""

import io
import os
import random
import resource
import time
import zipfile

import pytest
from PIL import Image

from storage.media.photos import PhotoError, check_photo

PICTURES = int(os.environ.get("FUZZ_PICTURES", "500"))
MAX_BYTES, MAX_PIXELS = 2_000_000, 4_000_000
LONGEST_S = 20.0
"""For one picture on a busy machine; an idle one takes 20 ms."""
GROWTH_MB = 300


@pytest.fixture
def seeds(scene, encode) -> list[bytes]:
    """A file of every kind that is read, with metadata to break."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a camera"
    picture = scene(96, 64)
    frames = {"save_all": True, "append_images": [picture.rotate(90 * turn) for turn in range(3)]}
    return [
        encode(picture, "JPEG", exif=exif),
        encode(picture, "JPEG", progressive=True),
        encode(picture.convert("CMYK"), "JPEG"),
        encode(picture, "PNG", exif=exif),
        encode(picture.convert("P"), "PNG"),
        encode(picture.convert("I;16"), "PNG"),
        encode(picture, "WEBP", exif=exif),
        encode(picture, "WEBP", lossless=True),
        encode(picture, "WEBP", **frames),
        encode(picture.convert("P"), "GIF", **frames),
        encode(picture, "BMP"),
        encode(picture, "TIFF"),
        encode(picture, "TIFF", compression="tiff_lzw"),
    ]


def mutate(data: bytes, random_: random.Random, others: list[bytes]) -> bytes:
    """Damage of the kinds that fuzzers use: bit flips, extreme numbers, cuts, repeats, pieces of other files."""
    hurt = bytearray(data)
    for _ in range(random_.randint(1, 6)):
        place, length = random_.randrange(len(hurt)), random_.choice((1, 2, 4, 16, 200))
        match random_.randrange(6):
            case 0:
                hurt[place] ^= 1 << random_.randrange(8)
            case 1:
                hurt[place : place + 4] = random_.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0"))
            case 2:
                del hurt[place : place + length]
            case 3:
                hurt[place:place] = hurt[place : place + length] * random_.randint(1, 50)
            case 4:
                other = random_.choice(others)
                start = random_.randrange(len(other))
                hurt[place : place + length] = other[start : start + length]
            case 5:
                hurt[place : place + length] = random_.randbytes(length)
        if not hurt:
            return b"\xff\xd8\xff"
    return bytes(hurt)


def check(data: bytes) -> bool:
    """Whether it became a photo; what it became is a plain upright JPEG that opens, without anything else in it."""
    started = time.monotonic()
    try:
        checked = check_photo(data, max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
    except PhotoError:
        return False
    finally:
        assert time.monotonic() - started < LONGEST_S
    with Image.open(io.BytesIO(checked.data), formats=("JPEG",)) as image:
        image.load()
        assert image.mode == "RGB" and image.size == (checked.width, checked.height) and not image.getexif()
    assert checked.width * checked.height <= MAX_PIXELS
    return True


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_mutated_pictures_are_photos_or_refused_and_nothing_else(seeds):
    random_ = random.Random(8)
    for data in seeds:
        assert check(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = [check(mutate(random_.choice(seeds), random_, seeds)) for _ in range(PICTURES)]
    assert 0.05 < sum(outcomes) / PICTURES < 0.95, "the fuzzer hurts too much or too little to find anything"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_MB * 1024


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_small_file_of_very_many_pixels_takes_no_memory(kind, encode):
    side = 12_000 if kind in ("PNG", "GIF", "TIFF") else 3000
    options = {"compression": "tiff_deflate"} if kind == "TIFF" else {}
    data = encode(Image.new("1" if kind != "WEBP" else "RGB", (side, side)), kind, **options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PhotoError) as caught:
        check_photo(data, max_bytes=100_000_000, max_pixels=MAX_PIXELS)
    assert caught.value.reason == "too_many_pixels"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("stowaway", ["zip", "html", "php", "elf"])
def test_of_a_file_that_is_two_things_only_the_picture_is_kept(scene, encode, kind, stowaway):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("payload.txt", "payload-payload")
    extra = {
        "zip": archive.getvalue(),
        "html": b"<script>payload-payload</script>",
        "php": b"<?php payload-payload ?>",
        "elf": b"\x7fELFpayload-payload",
    }[stowaway]
    checked = check_photo(encode(scene(), kind) + extra, max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
    assert b"payload" not in checked.data and b"PK\x03\x04" not in checked.data
