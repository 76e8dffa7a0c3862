"""An uploaded file becomes a photo without metadata, or is refused for the right reason."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageChops, ImageCms, ImageOps

from storage.media.photos import PhotoError, check_photo

LIMITS = {"max_bytes": 20_000_000, "max_pixels": 50_000_000}
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0\0\0\x08free" * 40
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webm" + b"\0" * 400
QUICKTIME = b"\0\0\0\x14ftypqt  " + b"\0" * 400
AVI = b"RIFF\x24\1\0\0AVI LIST" + b"\0" * 400
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 400


def check(data: bytes):
    return check_photo(data, **LIMITS)


def reason(data: bytes, **limits) -> str:
    with pytest.raises(PhotoError) as caught:
        check_photo(data, **{**LIMITS, **limits})
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    return caught.value.reason


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def difference(a: Image.Image, b: Image.Image) -> float:
    """The mean difference of two pictures' pixels, 0 to 255."""
    channels = ImageChops.difference(a.convert("RGB"), b.convert("RGB")).split()
    return sum(sum(value * count for value, count in enumerate(channel.histogram())) for channel in channels) / (
        3 * a.width * a.height
    )


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and holds almost none: a decompression bomb."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 100_000, 9))
        + chunk(b"IEND", b"")
    )


def test_nothing_at_all_is_empty():
    assert reason(b"") == "empty"


@pytest.mark.parametrize(
    "data",
    [
        b"hello, this is a text\n" * 20,
        b"%PDF-1.7\n" + b"\0" * 99,
        b"\0" * 1000,
        b"x",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"P6 20 20 255\n" + b"\0" * 1200,
    ],
)
def test_what_is_no_picture_of_the_known_kinds_is_refused(data):
    assert reason(data) == "not_a_picture"


def test_a_heic_file_has_a_reason_of_its_own():
    assert reason(HEIC) == "heic"


@pytest.mark.parametrize("data", [MP4, WEBM, QUICKTIME, AVI], ids=["mp4", "webm", "quicktime", "avi"])
def test_a_video_is_called_a_video(data):
    assert reason(data) == "video"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_known_kind_becomes_an_rgb_jpeg_of_the_same_size(scene, encode, kind):
    checked = check(encode(scene(), kind))
    stored = opened(checked.data)
    assert (stored.format, stored.mode, stored.size) == ("JPEG", "RGB", (320, 240))
    assert (checked.width, checked.height, checked.media_type) == (320, 240, "image/jpeg")
    assert difference(stored, scene()) < 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.95])
def test_a_truncated_picture_is_broken(scene, encode, kind, part):
    noisy = Image.blend(scene(), Image.effect_noise((320, 240), 90).convert("RGB"), 0.5)
    data = encode(noisy, kind)
    assert reason(data[: max(20, int(len(data) * part))]) == "broken"


def test_a_truncated_progressive_jpeg_is_broken(scene, encode):
    data = encode(scene(800, 600), progressive=True)
    assert reason(data[: len(data) * 2 // 3]) == "broken"


def test_a_corrupt_picture_is_broken(scene, encode):
    data = bytearray(encode(scene(), "PNG"))
    for place in range(200, len(data) - 20, 97):
        data[place] ^= 0x5A
    assert reason(bytes(data)) == "broken"
    assert reason(b"\xff\xd8\xff\xe0" + b"\x00\x10JFIF" + b"nonsense" * 40) == "broken"


def test_too_many_bytes_are_refused_before_they_are_looked_at():
    assert reason(b"x" * 1001, max_bytes=1000) == "too_many_bytes"


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [8000, 11_000, 14_000, 60_000, 2_000_000])
def test_a_decompression_bomb_is_refused_by_its_header(side):
    assert reason(png_header(side, side)) == "too_many_pixels"


def test_the_pixel_limit_is_the_callers(scene, encode):
    data = encode(scene(100, 100))
    assert check_photo(data, max_bytes=10**6, max_pixels=10_000).width == 100
    assert reason(data, max_pixels=9_999) == "too_many_pixels"


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ((1, 1), "too_small"),
        ((15, 200), "too_small"),
        ((10_000, 1), "too_narrow"),
        ((1, 10_000), "too_narrow"),
        ((16, 321), "too_narrow"),
    ],
)
def test_a_picture_on_which_nothing_can_be_seen_is_refused(encode, size, why):
    assert reason(encode(Image.new("RGB", size, "green"), "PNG")) == why


@pytest.mark.parametrize("size", [(16, 16), (16, 320), (320, 16)])
def test_the_smallest_and_narrowest_allowed_are_kept(encode, size):
    checked = check(encode(Image.new("RGB", size, "green"), "PNG"))
    assert (checked.width, checked.height) == size


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_stands_upright_whatever_its_exif_says(scene, encode, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    checked = check(encode(scene(), kind, exif=exif))
    tagged = scene()
    tagged.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(tagged)
    assert (checked.width, checked.height) == upright.size == ((240, 320) if orientation > 4 else (320, 240))
    stored = opened(checked.data)
    assert stored.getexif().get(0x0112, 1) == 1
    assert difference(stored, upright) < 8


def test_a_quarter_turn_puts_the_red_corner_where_it_belongs(scene, encode):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: the stored picture has to be turned clockwise
    red, green, blue = opened(check(encode(scene(), exif=exif)).data).getpixel((230, 10))
    assert red > 200 and green < 60 and blue < 60


def test_an_orientation_that_does_not_exist_changes_nothing(scene, encode):
    exif = Image.Exif()
    exif[0x0112] = 77
    assert check(encode(scene(), exif=exif)).width == 320


def with_metadata(scene, encode, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SecretCamera"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SecretPlace</x:xmpmeta>"
    data = encode(scene(), exif=exif, comment=b"SecretComment", quality=90)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + data[2:] + b"SecretTail" * 50


@pytest.mark.parametrize("orientation", [1, 6])
def test_place_camera_comments_and_trailing_data_are_gone(scene, encode, orientation):
    data = with_metadata(scene, encode, orientation)
    assert opened(data).getexif().get_ifd(0x8825)
    checked = check(data)
    for trace in (b"Secret", b"Exif", b"xap", b"GPS"):
        assert trace not in checked.data
    stored = opened(checked.data)
    assert not stored.getexif() and "comment" not in stored.info and "xmp" not in stored.info
    assert checked.data.endswith(b"\xff\xd9")


def test_metadata_of_other_kinds_is_gone_too(scene, encode):
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Author", "SecretName")
    assert b"Secret" not in check(encode(scene(), "PNG", pnginfo=notes)).data


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 85},
        {"quality": 85, "progressive": True},
        {"quality": 60, "subsampling": 0},
        {"quality": 70, "restart_marker_blocks": 4},
        {"quality": 80, "keep_rgb": True},
    ],
    ids=["baseline", "progressive", "444", "restarts", "rgb"],
)
def test_an_upright_jpeg_keeps_its_pixels_exactly(scene, encode, options):
    data = encode(scene(), **options, comment=b"a comment")
    checked = check(data)
    assert len(checked.data) < len(data)
    assert opened(checked.data).tobytes() == opened(data).tobytes()
    again = check(checked.data)
    assert again == checked


def test_the_same_picture_with_other_metadata_is_the_same_photo(scene, encode):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    assert check(encode(scene(), exif=exif, quality=90)) == check(
        encode(scene(), comment=b"hello", quality=90) + b"tail"
    )


def test_a_thumbnail_in_the_jfif_header_is_dropped(scene, encode):
    data = encode(scene())
    length = struct.unpack(">H", data[4:6])[0]
    head = data[2:4] + struct.pack(">H", length + 12) + data[6:18] + b"\2\2" + b"Secret" * 2
    checked = check(data[:2] + head + data[4 + length :])
    assert b"Secret" not in checked.data
    assert opened(checked.data).tobytes() == opened(data).tobytes()


def test_a_jpeg_that_can_not_be_copied_safely_is_encoded_anew(scene, encode):
    data = encode(scene(), quality=95)
    adobe = b"Adobe\0\x64\0\0\0\0\1Secret"
    strange = data[:2] + b"\xff\xee" + struct.pack(">H", len(adobe) + 2) + adobe + data[2:]
    checked = check(strange)
    assert b"Secret" not in checked.data and difference(opened(checked.data), opened(data)) < 3


def test_of_two_pictures_in_one_file_the_first_is_kept(scene, encode):
    """Phones write such files (MPO): a photo, and a depth map or another view behind it."""
    data = encode(scene(), "MPO", save_all=True, append_images=[Image.new("RGB", (320, 240), "lime")])
    assert opened(data).n_frames == 2
    checked = check(data)
    assert checked.data.count(b"\xff\xd8\xff") == 1 and difference(opened(checked.data), scene()) < 8


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}], ids=str)
def test_a_jpeg_without_its_end_marker_is_the_same_photo(scene, encode, options, missing):
    data = encode(scene(), **options)
    assert check(data[:-missing]) == check(data)


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=str)
def test_a_jpeg_that_lacks_more_than_its_end_marker_is_broken(scene, encode, options):
    noisy = Image.blend(scene(), Image.effect_noise((320, 240), 90).convert("RGB"), 0.5)
    data = encode(noisy, **options)
    assert [missing for missing in (6, 10, 20, 50, 100, 500) if reason(data[:-missing]) != "broken"] == []


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_is_white(encode, kind):
    picture = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (32, 0, 64, 64))
    stored = opened(check(encode(picture, kind, lossless=True)).data)
    assert min(stored.getpixel((8, 32))) > 245
    assert stored.getpixel((56, 32))[2] > 240 and stored.getpixel((56, 32))[0] < 15


def test_a_palette_with_a_transparent_colour_is_white_there(encode):
    picture = Image.new("P", (64, 64), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(1, (32, 0, 64, 64))
    stored = opened(check(encode(picture, "GIF", transparency=0)).data)
    assert min(stored.getpixel((8, 32))) > 245 and stored.getpixel((56, 32))[2] > 240


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "JPEG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("1", "PNG"),
        ("P", "PNG"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("YCbCr", "TIFF"),
        ("LAB", "TIFF"),
        ("RGBX", "TIFF"),
    ],
)
def test_every_colour_mode_becomes_rgb_and_looks_the_same(scene, encode, mode, kind):
    picture = (
        ImageCms.profileToProfile(
            scene(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        if mode == "LAB"
        else scene().convert(mode)
    )
    stored = opened(check(encode(picture, kind)).data)
    assert stored.mode == "RGB"
    grey = mode in ("L", "LA", "1")
    expected = scene().convert("L") if grey else scene()
    assert difference(
        stored.resize((32, 24), Image.Resampling.BOX), expected.resize((32, 24), Image.Resampling.BOX)
    ) < (14 if grey else 9)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_and_not_clipped(encode, kind):
    picture = Image.frombytes("I;16", (64, 64), struct.pack("<64H", *[32_768] * 32, *[65_535] * 32) * 64)
    stored = opened(check(encode(picture, kind)).data)
    assert stored.getpixel((8, 8)) == pytest.approx((128, 128, 128), abs=2)
    assert stored.getpixel((56, 8)) == pytest.approx((255, 255, 255), abs=2)


def test_floating_point_grey_is_stretched_to_its_range(encode):
    picture = Image.new("F", (64, 64), -3.0)
    picture.paste(5.0, (32, 0, 64, 64))
    stored = opened(check(encode(picture, "TIFF")).data)
    assert stored.getpixel((8, 8))[0] < 4 and stored.getpixel((56, 8))[0] > 251


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_kept(encode, kind):
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "lime", "blue")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert opened(data).n_frames == 3
    assert opened(check(data).data).getpixel((30, 20)) == pytest.approx((255, 0, 0), abs=6)


def profile_with_red_and_blue_exchanged() -> bytes:
    """An RGB colour profile that is unlike sRGB in the plainest way."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in (
        (b"rXYZ", b"XXXX"),
        (b"bXYZ", b"rXYZ"),
        (b"XXXX", b"bXYZ"),
        ("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be")),
    ):
        assert old in profile
        profile = profile.replace(old, new)
    return profile


def test_foreign_colours_are_converted_to_srgb_and_the_profile_dropped(encode):
    picture = Image.new("RGB", (64, 64), (200, 80, 40))
    stored = opened(check(encode(picture, icc_profile=profile_with_red_and_blue_exchanged(), quality=95)).data)
    assert "icc_profile" not in stored.info and stored.getpixel((30, 30)) == pytest.approx((40, 80, 200), abs=6)


def test_an_srgb_profile_is_dropped_and_the_pixels_kept(scene, encode):
    data = encode(scene(), icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    stored = opened(check(data).data)
    assert "icc_profile" not in stored.info and stored.tobytes() == opened(data).tobytes()


def test_a_profile_that_can_not_be_used_is_no_reason_to_refuse(encode):
    picture = Image.new("RGB", (64, 64), (200, 80, 40))
    for profile in (b"nonsense" * 40, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()):
        stored = opened(check(encode(picture, icc_profile=profile, quality=95)).data)
        assert "icc_profile" not in stored.info and stored.getpixel((30, 30)) == pytest.approx((200, 80, 40), abs=4)


def test_the_content_decides_and_trailing_files_are_dropped(scene, encode):
    zipped = b"PK\3\4" + b"evil" * 100
    assert zipped[:4] not in check(encode(scene()) + zipped).data
    assert zipped[:4] not in check(encode(scene(), "PNG") + zipped).data
