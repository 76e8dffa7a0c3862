"""A profile is sRGB by its colorants and curves, never by its name."""

import io
import struct

import pytest
from PIL import Image, ImageCms

from storage.media.icc_profile import is_srgb
from storage.media.photos import check_photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
P3 = {b"rXYZ": (0.51512, 0.24120, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189), b"bXYZ": (0.15710, 0.06657, 0.78407)}


def profile(name: str, colorants: dict[bytes, tuple[float, ...]], curve: bytes = b"") -> bytes:
    """The sRGB profile under another name, with other colorants or a curve of at most its own's size."""
    data = bytearray(SRGB)
    for number in range(struct.unpack_from(">I", data, 128)[0]):
        tag, start, size = struct.unpack_from(">4sII", data, 132 + 12 * number)
        if tag in colorants:
            struct.pack_into(">3i", data, start + 8, *(round(value * 65536) for value in colorants[tag]))
        if tag == b"desc":
            text = name.encode("utf-16-be")[: size - 28]
            data[start + 28 : start + size] = text.ljust(size - 28, b"\0")
            struct.pack_into(">I", data, start + 20, len(text))
        if curve and tag in (b"rTRC", b"gTRC", b"bTRC"):
            data[start : start + len(curve)] = curve
    return bytes(data)


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


@pytest.mark.parametrize("name", ["sRGB", "anything"])
def test_srgb_is_known_by_its_content(name):
    assert is_srgb(profile(name, {})) and is_srgb(profile(name, {}, gamma(2.2)))


@pytest.mark.parametrize("name", ["Display P3", "P3 w/ sRGB"])
def test_other_colorants_or_curves_are_not_srgb(name):
    assert not is_srgb(profile(name, P3)) and not is_srgb(profile(name, {}, gamma(1.8)))
    assert not is_srgb(profile(name, {}, b"curv\0\0\0\0\0\0\0\0"))


@pytest.mark.parametrize("data", [b"", b"sRGB", bytes(500), SRGB[:200], b"\xff" * 3000])
def test_a_damaged_profile_is_not_srgb(data):
    assert not is_srgb(data)


def test_a_wide_gamut_photo_has_the_same_colours_whatever_its_profile_is_called():
    shown = []
    for name in ("Display P3", "P3 w/ sRGB"):
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64), (250, 40, 40)).save(buffer, "JPEG", quality=95, icc_profile=profile(name, P3))
        stored = check_photo(buffer.getvalue(), max_bytes=10**6, max_pixels=10**6).data
        shown.append(Image.open(io.BytesIO(stored)).getpixel((32, 32)))
    assert shown[0] == shown[1] and shown[0][0] == 255


def test_a_photo_with_an_srgb_profile_of_any_name_keeps_its_coded_data():
    image, kept = Image.new("RGB", (64, 64), (250, 40, 40)), []
    for options in ({}, {"icc_profile": SRGB}, {"icc_profile": profile("camera", {})}):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=95, **options)
        kept.append(check_photo(buffer.getvalue(), max_bytes=10**6, max_pixels=10**6).sha256)
    assert len(set(kept)) == 1
