"""AVIF files become photos; HEIC files and videos in the same kind of container don't."""

from functools import partial

import pytest
from PIL import Image

from storage.media.heif_brands import avif_size, box_kind
from storage.media.image_structure import inspect_image
from storage.media.photos import PhotoError, check_photo

check = partial(check_photo, max_bytes=20_000_000, max_pixels=52_000_000)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_an_avif_file_becomes_a_photo(scene, encode, mode):
    checked = check(encode(scene().convert(mode), "AVIF"))
    assert (checked.width, checked.height, checked.media_type) == (320, 240, "image/jpeg")


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_an_avif_file_stands_upright(scene, encode, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert check(encode(scene(), "AVIF", exif=exif)).width == (320 if orientation == 3 else 240)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_avif_file_is_broken(scene, encode, part):
    data = encode(scene(), "AVIF")
    with pytest.raises(PhotoError) as caught:
        check(data[: int(len(data) * part)])
    assert caught.value.reason == "broken"


def test_the_cost_of_an_avif_file_is_in_its_header(encode):
    data = encode(Image.new("RGB", (6000, 4000), (1, 2, 3)), "AVIF", speed=10)
    assert avif_size(data) == (6000, 4000) and inspect_image(data).decoder_bytes > 200_000_000
    with pytest.raises(PhotoError) as caught:
        check(data, memory_bytes=200_000_000)
    assert caught.value.reason == "too_costly"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "avif"),
        (b"\0\0\0\x18ftypavis\0\0\0\0msf1avif", "avif"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp41", "video"),
        (b"\0\0\0\x08moov", "video"),
        (b"\xff\xd8\xff\xe0JFIF", ""),
        (b"", ""),
    ],
)
def test_brands_say_what_a_container_holds(data, kind):
    assert box_kind(data) == kind
