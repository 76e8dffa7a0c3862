"""The photographs of `make bench-demo_photos` (`demo_photos.toml`), fetched at run time.

Photographs of scikit-image's wheel, and stamps and grounds of two Debian packages (GPL-2), which are never committed.
A stamp is pasted on a photographic ground (the first of them by the SHA-256 of their names) or shown on white.
"""

import hashlib
import io
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

FILE = Path(__file__).with_name("demo_photos.toml")
STAMPS, GROUNDS = "tuxpaint-stamps-default", "mate-backgrounds"
STAMP_FOLDER, GROUND_FOLDER = "usr/share/tuxpaint/stamps", "usr/share/backgrounds/mate/nature"
SIZE = (640, 480)
"""Width and height in pixels of a picture with a stamp."""
PLAIN_SHARE, PASTED_SHARE = 0.85, 0.65
"""The longer side of a stamp, as a share of the picture's height, on white and on a ground."""


@dataclass(frozen=True)
class TestPhoto:
    """A photograph as JPEG bytes, and the words of a language that name the thing in it.

    `kind` is whole (scikit-image), plain (a stamp on white) or pasted (a stamp on a ground).
    """

    name: str
    kind: str
    jpeg: bytes
    accepted: dict[str, tuple[str, ...]]


def load_photos(work: Path, skimage_folder: Path) -> Iterator[TestPhoto]:
    """All photographs; fetches the packages into `work` with apt-get. Raises OSError, CalledProcessError."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for name, words in table["skimage"].items():
        file = next(skimage_folder.glob(f"{name}.*"))
        yield TestPhoto(name, "whole", to_jpeg(Image.open(file).convert("RGB")), accepted(words))
    stamps, backs = unpack(STAMPS, work) / STAMP_FOLDER, unpack(GROUNDS, work) / GROUND_FOLDER
    grounds = [Image.open(backs / f"{name}.jpg").convert("RGB") for name in table["grounds"]["files"]]
    order = sorted(table["stamps"], key=lambda name: hashlib.sha256(name.encode()).digest())
    for place, name in enumerate(order):
        ground = grounds[place % len(grounds)] if place < table["grounds"]["composited"] else None
        picture = paste(Image.open(stamps / f"{name}.png").convert("RGBA"), ground)
        kind = "pasted" if ground else "plain"
        yield TestPhoto(name, kind, to_jpeg(picture), accepted(table["stamps"][name]))


def accepted(words: list[str]) -> dict[str, tuple[str, ...]]:
    return {language: tuple(text.split(", ")) for language, text in zip(("en", "zh"), words, strict=True)}


def paste(stamp: Image.Image, ground: Image.Image | None) -> Image.Image:
    """A stamp in the middle of the ground, or of white if there is none."""
    picture = ImageOps.fit(ground, SIZE) if ground else Image.new("RGB", SIZE, "white")
    side = SIZE[1] * (PASTED_SHARE if ground else PLAIN_SHARE)
    scale = side / max(stamp.size)
    small = stamp.resize(
        (max(1, round(stamp.width * scale)), max(1, round(stamp.height * scale))), Image.Resampling.LANCZOS
    )
    picture.paste(small, ((SIZE[0] - small.width) // 2, (SIZE[1] - small.height) // 2), small)
    return picture


def to_jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def unpack(package: str, work: Path) -> Path:
    """The folder of a Debian package's files; it is downloaded and unpacked there once."""
    folder = work / package
    if not folder.is_dir():
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", package], check=True, cwd=work)
        partial = work / f"{package}.partial"
        subprocess.run(["dpkg", "-x", str(next(work.glob(f"{package}_*.deb"))), str(partial)], check=True)
        partial.rename(folder)
    return folder
