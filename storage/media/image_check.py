"""Recognises an uploaded file by its content and converts it to a photo without metadata.

Every file is decoded once, completely. The stored photo is an upright RGB JPEG without metadata: an upright JPEG keeps
its coded data; other files are re-encoded at quality 92 with full colour resolution, which keeps the text of
screenshots and memes legible.
"""

import hashlib
import io
import logging
import warnings
from dataclasses import dataclass
from typing import Literal

# Plugins by name: Image.open would load all of Pillow's forty plugins to find the two that it doesn't preload.
from PIL import Image, ImageOps, TiffImagePlugin, WebPImagePlugin  # noqa: F401

from configs.errors import JokebotError
from storage.media.jpeg_metadata import strip_jpeg
from storage.media.perceptual_hash import perceptual_hash

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*")
VIDEO_MAGIC = (b"\x1aE\xdf\xa3", b"FLV", b"OggS", b"\0\0\1\xba", b"\0\0\1\xb3", b"0&\xb2u\x8ef\xcf\x11")
"""Matroska and WebM, Flash, Ogg, MPEG program and video streams, Windows Media."""
PICTURE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
"""ISO base media files that are pictures (HEIF, AVIF); all other brands are videos."""
MIN_SIDE = 16
MAX_RATIO = 20
QUALITY = 92

# At DEBUG Pillow logs the metadata of users' pictures.
logging.getLogger("PIL").setLevel(logging.INFO)
# Pillow only warns about a header with too many pixels.
warnings.simplefilter("error", Image.DecompressionBombWarning)

Reason = Literal[
    "empty",
    "not_a_picture",
    "broken",
    "too_many_bytes",
    "too_many_pixels",
    "too_small",
    "too_narrow",
    "video",
    "declined",
    "unchecked",
]

MESSAGES: dict[Reason, str] = {
    "declined": "The moderation hook declines the photo.",
    "unchecked": "The moderation hook failed, and the settings refuse photos then.",
    "empty": "The file is empty; send the picture again.",
    "not_a_picture": "This is no picture that can be read here; send a JPEG, PNG, WebP, GIF, BMP or TIFF.",
    "broken": "The picture is damaged or incomplete; send it again.",
    "too_many_bytes": "The picture's file is too large; send a smaller one.",
    "too_many_pixels": "The picture has too many pixels; send a smaller one.",
    "too_small": f"The picture is too small: each side needs at least {MIN_SIDE} pixels.",
    "too_narrow": f"The picture is too narrow: one side is more than {MAX_RATIO} times the other.",
    "video": "This is a video; send a still picture.",
}


class PhotoError(JokebotError):
    """A file can't be used as a photo; `reason` is the cause as a code, for translation."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(MESSAGES[reason])
        self.reason: Reason = reason


@dataclass(frozen=True)
class CheckedPhoto:
    """A photo ready to be stored: bytes, their SHA-256 (hexadecimal), perceptual hash, upright size in pixels."""

    data: bytes
    sha256: str
    phash: int
    width: int
    height: int
    media_type: str


def check_photo(data: bytes, *, max_bytes: int, max_pixels: int) -> CheckedPhoto:
    """Check a file and convert it to a photo without metadata. Takes 5 ms to 1 s of CPU time; call it in a thread.

    Sizes are checked before decoding. Of an animation the first frame is used. A side under 16 pixels or a ratio over
    20:1 is refused. Raises PhotoError.
    """
    if not data:
        raise PhotoError("empty")
    if len(data) > max_bytes:
        raise PhotoError("too_many_bytes")
    if is_video(data):
        raise PhotoError("video")
    try:
        image = _open(data)
        _check_size(image, max_pixels)
        cleaned, upright = _clean(image, data)
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoError("too_many_pixels") from error
    # A hostile file can make a decoder raise any exception.
    except Exception as error:
        raise PhotoError("broken") from error
    return CheckedPhoto(
        cleaned, hashlib.sha256(cleaned).hexdigest(), perceptual_hash(upright), *upright.size, "image/jpeg"
    )


def is_video(data: bytes) -> bool:
    """Whether the content begins like a video file."""
    if data[4:8] == b"ftyp":
        return data[8:12] not in PICTURE_BRANDS
    return (
        data.startswith(VIDEO_MAGIC)
        or (data[:4] == b"RIFF" and data[8:12] == b"AVI ")
        or data[4:8] in (b"moov", b"mdat")
    )


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombWarning as warning:
        raise PhotoError("too_many_pixels") from warning
    except Image.UnidentifiedImageError as error:
        known = data.startswith(MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        raise PhotoError("broken" if known else "not_a_picture") from error


def _check_size(image: Image.Image, max_pixels: int) -> None:
    short, long = sorted(image.size)
    if short * long > max_pixels:
        raise PhotoError("too_many_pixels")
    if long > MAX_RATIO * short:
        raise PhotoError("too_narrow")
    if short < MIN_SIDE:
        raise PhotoError("too_small")


def _clean(image: Image.Image, data: bytes) -> tuple[bytes, Image.Image]:
    """The bytes to store, and their upright RGB picture."""
    image.load()
    upright = _upright(image)
    profile = image.info.get("icc_profile")
    if upright is image and image.mode == "RGB" and image.format in ("JPEG", "MPO") and not _is_foreign(profile):
        stripped = strip_jpeg(data)
        if stripped is not None:
            return stripped, image
    rgb = _to_rgb(upright, profile)
    encoded = io.BytesIO()
    rgb.save(encoded, "JPEG", quality=QUALITY, subsampling=0, exif=b"", icc_profile=None, comment=b"")
    return encoded.getvalue(), rgb


def _upright(image: Image.Image) -> Image.Image:
    """The picture rotated according to its EXIF; unchanged without a readable EXIF orientation."""
    try:
        turned = 2 <= image.getexif().get(0x0112, 1) <= 8
        return ImageOps.exif_transpose(image) if turned else image
    except Exception:  # noqa: BLE001  the image was decoded: damaged metadata is no reason to refuse it
        return image


def _is_foreign(profile: bytes | None) -> bool:
    """Whether the colour profile is not sRGB, so that removing it would change the colours."""
    return bool(profile and b"sRGB" not in profile and "sRGB".encode("utf-16-be") not in profile)


def _to_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """8-bit RGB: transparency over white, 16 bits scaled, other colour profiles converted to sRGB."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_deep_grey(image).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    elif image.mode in ("P", "1", "PA"):
        image = image.convert("RGB")
    if (_is_foreign(profile) and image.mode in ("RGB", "CMYK", "L")) or image.mode == "LAB":
        image = _to_srgb(image, profile)
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits as 8 bits. 16-bit values are scaled from their full range, others from their extrema."""
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    else:
        low, high = (float(value) for value in image.getextrema() if not isinstance(value, tuple))
    scale = 255.0 / ((high - low) or 1.0)
    return image.convert("F").point(lambda value: value * scale - low * scale).convert("L")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    from PIL import ImageCms

    lab = image.mode == "LAB"
    try:
        source = ImageCms.createProfile("LAB") if lab else ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        return converted or image
    except (ImageCms.PyCMSError, OSError):
        if lab:
            raise
        # A damaged profile, or one for other channels than the picture's: use the conversion without a profile.
        return image
