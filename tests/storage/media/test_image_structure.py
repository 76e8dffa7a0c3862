"""What a file costs is known before it is decoded."""

import time
from dataclasses import replace
from functools import partial

import pytest
from PIL import Image

from benchmarks.hostile_files import (
    BOMBS,
    HUGE,
    ORDINARY,
    PHONE_50,
    TURNED,
    encoded,
    photo,
    repeated_scans,
    run_length_bmp,
    tiles_of_one_pixel,
)
from configs.settings import ROOT
from storage.media.image_structure import MAX_CHUNKS, ImageTooCostly, inspect_image
from storage.media.photos import PhotoError, check_photo, hamming

check = partial(check_photo, max_bytes=20_000_000, max_pixels=52_000_000)
COSTLY = sorted(BOMBS.keys() - {"frames", "large metadata"})


@pytest.mark.parametrize("kind", COSTLY)
def test_a_bomb_is_refused_in_less_time_than_an_ordinary_photo_takes(kind):
    bomb, started = BOMBS[kind](), time.process_time()
    with pytest.raises(PhotoError) as caught:
        check(bomb)
    assert caught.value.reason == "too_costly" and time.process_time() - started < 2


def test_an_animation_costs_what_its_first_frame_does():
    assert check(BOMBS["frames"]()).width == HUGE[0]


@pytest.mark.parametrize("kind", ORDINARY)
def test_an_ordinary_file_becomes_a_photo_of_its_own_size(kind):
    data = ORDINARY[kind](1)
    structure, checked = inspect_image(data), check(data)
    whole, reduced = sorted((structure.width, structure.height)), sorted((checked.width, checked.height))
    assert reduced == ([side // 2 for side in whole] if kind == "the same, turned" else whole)


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_an_upright_photo_of_50_megapixels_is_kept_as_it_came(options):
    data = encoded(photo(PHONE_50, 1), "JPEG", quality=50, **options)
    assert check(data).data == data


def test_a_turned_photo_of_50_megapixels_has_half_the_sides():
    checked = check(encoded(photo(PHONE_50, 1), "JPEG", quality=50, exif=TURNED))
    assert (checked.width, checked.height) == (PHONE_50[1] // 2, PHONE_50[0] // 2)


def test_a_jpeg_is_decoded_smaller_where_its_memory_would_not_do():
    data, pixels = encoded(photo((800, 600), 1), "JPEG", quality=50, exif=TURNED), 800 * 600
    assert check(data, memory_bytes=pixels * 8).height == 800
    assert check(data, memory_bytes=pixels * 8 - 1).height == 400
    with pytest.raises(PhotoError) as caught:
        check(data, memory_bytes=pixels * 8 - 1, reduces=False)
    assert caught.value.reason == "too_costly"


def test_a_jpeg_that_is_kept_as_it_came_is_the_same_photo_when_it_is_decoded_smaller():
    data = (ROOT / "configs/demo-model/samples/fox.jpg").read_bytes()
    whole = check(data)
    smaller = check(data, memory_bytes=whole.width * whole.height)
    assert replace(smaller, phash=whole.phash) == whole and hamming(smaller.phash, whole.phash) <= 2


@pytest.mark.parametrize(("more", "stored_scans"), [(0, 10), (6, 16), (7, 1), (40, 1)])
def test_a_jpeg_of_more_scans_than_encoders_write_is_encoded_anew(more, stored_scans):
    """An upright RGB JPEG is copied; libjpeg writes a progressive one in ten scans."""
    data = repeated_scans(320, more, "RGB")
    assert inspect_image(data).scans == 10 + more
    assert inspect_image(check(data).data).scans == stored_scans


def test_scans_are_counted_behind_what_a_decoder_skips():
    data = repeated_scans(320, 30, "RGB")
    start = data.index(b"\xff\xda")
    hidden = data[:start] + b"garbage\xff\0\xff\xff" + data[start:]
    assert inspect_image(hidden).scans == inspect_image(data).scans > 30


@pytest.mark.parametrize("factor", [1, 4])
def test_counting_takes_linear_time(factor):
    fill = b"\xff\xd8\xff\xda\0\2" + (b"\xff" * 63 + b"\0") * (100_000 * factor)
    started = time.process_time()
    with pytest.raises(PhotoError):
        check(fill + b"\xff\xd9")
    assert time.process_time() - started < factor


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff" + b"\xe0\0\2\xff" * 20_000,
        b"\x89PNG\r\n\x1a\n" + bytes(12) * (MAX_CHUNKS + 1),
        b"GIF89a" + bytes(7) + b"\x21\xfe" + b"\1a" * 500_000,
        b"RIFF\0\0\0\0WEBPVP8X" + b"ANMF" * 20_000,
        tiles_of_one_pixel(257),
        run_length_bmp(2000, 800),
    ],
    ids=["segments", "chunks", "comments", "frames", "tiles", "runs"],
)
def test_counts_that_no_program_writes_are_refused(data):
    with pytest.raises(ImageTooCostly):
        inspect_image(data)


def test_fields_of_a_tiff_that_lie_over_each_other_are_refused():
    tiff = encoded(Image.new("L", (500, 500)), "TIFF")
    field = b"\x10\xff\7\0" + len(tiff).to_bytes(4, "little") + bytes(4)
    directory = (8 + len(tiff)).to_bytes(4, "little")
    crafted = b"II*\0" + directory + tiff + (400).to_bytes(2, "little") + field * 400
    assert inspect_image(tiff).width == 500
    with pytest.raises(ImageTooCostly):
        inspect_image(crafted + bytes(4))


@pytest.mark.parametrize("kind", ORDINARY)
def test_a_file_that_breaks_off_anywhere_raises_nothing(kind):
    data = ORDINARY[kind](2)
    for length in [*range(0, 400, 3), *range(400, len(data), max(1, len(data) // 50))]:
        inspect_image(data[:length])
