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
from PIL import Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401

from configs.errors import JokebotError
from storage.media.file_repair import complete_jpeg, repair_file
from storage.media.heif_brands import box_kind
from storage.media.icc_profile import is_srgb
from storage.media.image_structure import ImageStructure, ImageTooCostly, inspect_image
from storage.media.jpeg_metadata import strip_jpeg
from storage.media.perceptual_hash import perceptual_hash
from storage.media.strips import TURNS, decoded_bytes, render_upright, rgb_bytes

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*")
VIDEO_MAGIC = (b"\x1aE\xdf\xa3", b"FLV", b"OggS", b"\0\0\1\xba", b"\0\0\1\xb3", b"0&\xb2u\x8ef\xcf\x11")
"""Matroska and WebM, Flash, Ogg, MPEG program and video streams, Windows Media."""
MIN_SIDE = 16
MAX_RATIO = 20
QUALITY = 92
MEMORY_BYTES = 320_000_000
"""Memory of one decode, where the caller sets none: the coefficients of a progressive JPEG of 50 megapixels, 4:4:4."""
REDUCTIONS = (1, 2, 4, 8)
"""A JPEG's sides can be divided by these while it is decoded."""

# At DEBUG Pillow logs the metadata of users' pictures.
logging.getLogger("PIL").setLevel(logging.INFO)
# Pillow only warns about a header with too many pixels.
warnings.simplefilter("error", Image.DecompressionBombWarning)

Reason = Literal[
    "empty",
    "not_a_picture",
    "heic",
    "broken",
    "too_many_bytes",
    "too_many_pixels",
    "too_costly",
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
    "not_a_picture": "This is no picture that can be read here; send a JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF.",
    "heic": "HEIC files can't be read here; send the picture as a photo instead of a file.",
    "broken": "The picture is damaged or incomplete; send it again.",
    "too_many_bytes": "The picture's file is too large; send a smaller one.",
    "too_many_pixels": "The picture has too many pixels; send a smaller one.",
    "too_costly": "The picture takes too much work or memory to decode; send it as a photo instead of a file.",
    "too_small": f"The picture is too small: each side needs at least {MIN_SIDE} pixels.",
    "too_narrow": f"The picture is too narrow: one side is more than {MAX_RATIO} times the other.",
    "video": "This is a video; send a still picture.",
}


class PhotoError(JokebotError):
    """A file can't be used as a photo; `reason` is the cause as a code, for translation."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(MESSAGES[reason])
        self.reason: Reason = reason


class PhotoTooLarge(PhotoError):
    """A file would be decoded if it might take more memory."""

    def __init__(self) -> None:
        super().__init__("too_costly")


@dataclass(frozen=True)
class CheckedPhoto:
    """A photo ready to be stored: bytes, their SHA-256 (hexadecimal), perceptual hash, upright size in pixels."""

    data: bytes
    sha256: str
    phash: int
    width: int
    height: int
    media_type: str


def check_photo(
    data: bytes, *, max_bytes: int, max_pixels: int, memory_bytes: int = MEMORY_BYTES, reduces: bool = True
) -> CheckedPhoto:
    """Check a file and convert it to a photo without metadata. Takes 5 ms to 3 s of CPU time; call it in a process.

    Sizes, scans, tiles and memory (`memory_bytes` at most) are checked before anything is decoded. A JPEG that would
    take more memory is decoded smaller where `reduces` is set; where its coded data is kept, that only changes how the
    hash is computed. The first frame of an animation counts. A side under 16
    pixels or a ratio over 20:1 is refused: nothing can be seen on it. Raises PhotoError, PhotoTooLarge among them.
    """
    _refuse_kind(data, max_bytes)
    try:
        structure = inspect_image(data := repair_file(data))
        if structure.pixels:
            _check_size(structure, max_pixels)
        if structure.decoder_bytes > memory_bytes:
            raise MemoryError(f"{structure.decoder_bytes} bytes for the decoder alone")
        if structure.lacks_end:
            data = complete_jpeg(data)
        image = _open(data)
        _check_size(image, max_pixels)
        cleaned, upright, (width, height) = _clean(image, data, structure, memory_bytes, reduces)
    except PhotoError:
        raise
    except ImageTooCostly as error:
        raise PhotoError("too_costly") from error
    except MemoryError as error:
        raise PhotoTooLarge from error
    except Image.DecompressionBombError as error:
        raise PhotoError("too_many_pixels") from error
    # A hostile file can make a decoder raise any exception.
    except Exception as error:
        raise PhotoError("broken") from error
    return CheckedPhoto(
        cleaned, hashlib.sha256(cleaned).hexdigest(), perceptual_hash(upright), width, height, "image/jpeg"
    )


def _refuse_kind(data: bytes, max_bytes: int) -> None:
    """Raises PhotoError for what is no picture that can be read, whatever its content."""
    if not data:
        raise PhotoError("empty")
    if len(data) > max_bytes:
        raise PhotoError("too_many_bytes")
    if is_video(data):
        raise PhotoError("video")
    if box_kind(data) == "heic":
        raise PhotoError("heic")


def is_video(data: bytes) -> bool:
    """Whether the content begins like a video file."""
    return box_kind(data) == "video" or data.startswith(VIDEO_MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"AVI ")


def _open(data: bytes) -> Image.Image:
    avif = box_kind(data) == "avif"
    if avif:
        _load_avif()
    try:
        return Image.open(io.BytesIO(data), formats=("AVIF",) if avif else FORMATS)
    except Image.DecompressionBombWarning as warning:
        raise PhotoError("too_many_pixels") from warning
    except Image.UnidentifiedImageError as error:
        known = avif or data.startswith(MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        raise PhotoError("broken" if known else "not_a_picture") from error


def _load_avif() -> None:
    """Register AVIF, which few files are. One thread: more would take more memory than the picture."""
    from PIL import AvifImagePlugin

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def _check_size(image: Image.Image | ImageStructure, max_pixels: int) -> None:
    short, long = sorted((image.width, image.height))
    if short * long > max_pixels:
        raise PhotoError("too_many_pixels")
    if long > MAX_RATIO * short:
        raise PhotoError("too_narrow")
    if short < MIN_SIDE:
        raise PhotoError("too_small")


def _clean(
    image: Image.Image, data: bytes, structure: ImageStructure, memory_bytes: int, reduces: bool
) -> tuple[bytes, Image.Image, tuple[int, int]]:
    """The bytes to store, the upright RGB picture they show, maybe smaller, and their size. Raises MemoryError."""
    size = image.size
    _reduce_to_fit(image, structure, memory_bytes, reduces)
    image.load()
    # An animation's decoder holds canvases of its own, and no second frame is wanted.
    image.__dict__.pop("_decoder", None)
    orientation, profile = _orientation(image), image.info.get("icc_profile")
    copied = not structure.has_extra_scans and image.format in ("JPEG", "MPO")
    if not _needs_rendering(image, orientation):
        stripped = strip_jpeg(data) if copied else None
        if stripped is not None:
            return stripped, image, size
        rgb = image
    else:
        if decoded_bytes(image) + rgb_bytes(image) > memory_bytes:
            raise MemoryError(f"{image.width}x{image.height} pixels of mode {image.mode} to convert")
        rgb = _render(image, orientation, profile)
    encoded = io.BytesIO()
    rgb.save(encoded, "JPEG", quality=QUALITY, subsampling=0, exif=b"", icc_profile=None, comment=b"")
    return encoded.getvalue(), rgb, rgb.size


def _reduce_to_fit(image: Image.Image, structure: ImageStructure, memory_bytes: int, reduces: bool) -> None:
    """Let a JPEG be decoded smaller where it would take too much memory and `reduces` is set.

    Raises MemoryError for what does not fit and can't be reduced.
    """
    # A PNG may have its orientation behind its pixels, and Pillow would decode these to find it.
    orientation, decoded = 1 if image.format == "PNG" else _orientation(image), decoded_bytes(image)
    jpeg = image.format in ("JPEG", "MPO")
    rendered = decoded + rgb_bytes(image) if _needs_rendering(image, orientation) else 0
    if image.format == "TIFF" and orientation != 1:  # Pillow turns it at once
        rendered = max(rendered, 2 * decoded)
    for reduction in REDUCTIONS if jpeg and reduces else REDUCTIONS[:1]:
        # The decoder's own memory is free again before the picture is turned and converted.
        if max(structure.decoder_bytes + decoded // reduction**2, rendered // reduction**2) <= memory_bytes:
            if reduction > 1:
                image.draft(None, (image.width // reduction, image.height // reduction))
            return
    raise MemoryError(f"{max(structure.decoder_bytes + decoded, rendered)} bytes to decode")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 where the picture is upright or its metadata can't be read."""
    try:
        orientation = image.getexif().get(0x0112, 1)
        return orientation if orientation in TURNS else 1
    except Exception:  # noqa: BLE001  damaged metadata is no reason to refuse a picture that decodes
        return 1


def _needs_rendering(image: Image.Image, orientation: int) -> bool:
    """Whether the pixels are anything but those of an upright RGB picture."""
    plain = image.mode == "RGB" and not image.has_transparency_data and not _is_foreign(image.info.get("icc_profile"))
    return orientation != 1 or not plain


def _render(image: Image.Image, orientation: int, profile: bytes | None) -> Image.Image:
    """The picture upright and in RGB. 32-bit grey is stretched to the range of the whole picture."""
    low, high = image.getextrema() if image.mode in ("I", "F") else (0, 65535)
    assert not isinstance(low, tuple) and not isinstance(high, tuple)  # one band has one pair of extrema
    return render_upright(image, orientation, lambda part: _to_rgb(part, profile, (low, high)))


def _is_foreign(profile: bytes | None) -> bool:
    """Whether the colour profile is not sRGB, so that removing it would change the colours."""
    return bool(profile and not is_srgb(profile))


def _to_rgb(image: Image.Image, profile: bytes | None, extrema: tuple[float, float]) -> Image.Image:
    """8-bit RGB: transparency over white, 16 bits scaled, other colour profiles converted to sRGB."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_deep_grey(image, extrema).convert("RGB")
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


def _from_deep_grey(image: Image.Image, extrema: tuple[float, float]) -> Image.Image:
    """Grey of 16 or 32 bits as 8 bits: `extrema` become black and white."""
    low, high = (float(value) for value in extrema)
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
