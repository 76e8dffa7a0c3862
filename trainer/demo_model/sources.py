"""Sources of the picture pack: emoji and icon sets of npm packages, and Debian's clip art.

Sets and versions are listed here; their licences, taken from the packages, are in `configs/demo-model/NOTICE`.
"""

import json
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from configs.errors import JokebotError
from configs.subjects import PictureSubject

EMOJI = {
    "noto": "1.2.9",
    "noto-v1": "1.2.5",
    "twemoji": "1.2.5",
    "fluent-emoji": "1.2.7",
    "fluent-emoji-flat": "1.2.6",
    "fxemoji": "1.2.2",
    "streamline-emojis": "1.2.4",
    "emojione": "1.2.3",
}
"""Iconify's packages (@iconify-json/NAME) of coloured emoji and their versions."""
HELD_OUT = "emojione"
"""A set for evaluation only: no build trains on it."""
ICONS = {
    "fluent-emoji-high-contrast": "1.2.6",
    "game-icons": "1.2.4",
    "mdi": "1.2.3",
    "ph": "1.2.2",
    "tabler": "1.2.41",
    "lucide": "1.2.137",
    "hugeicons": "1.2.35",
    "icon-park": "1.2.4",
    "fa6-solid": "1.2.4",
}
"""Iconify's packages of outlines and silhouettes."""
SOLID, SOLID_VERSION = "fluent-emoji-3d", "1.1.0"
"""Rendered 3-D emoji as image files (@lobehub/fluent-emoji-3d)."""
FONT, FONT_VERSION, FONT_FILE = "noto-emoji", "0.4.7", "400Regular/NotoEmoji_400Regular.ttf"
"""An emoji font of outlines (@expo-google-fonts/noto-emoji)."""
RENDERER = "sharp@0.34.5"
CLIPART = "openclipart"
CLIPART_FILE = Path(__file__).parents[2] / "configs" / "demo-model" / "clipart.txt"
OTHER_MEANING = {
    "game-icons": ("ribbon bow", "wrench", "diamond ring"),
    "mdi": ("caterpillar", "bee", "lightning bolt", "hospital", "road barrier", "ribbon bow", "satellite"),
    "ph": ("caterpillar",),
    "tabler": ("caterpillar", "ribbon bow"),
    "lucide": ("caterpillar", "ribbon bow", "radio"),
    "hugeicons": ("snail", "pair of sunglasses", "padlock", "ribbon bow", "ant"),
    "fa6-solid": ("caterpillar", "ribbon bow"),
    "icon-park": ("hen", "turkey", "caterpillar", "fried egg", "diamond ring", "pill", "egg", "anchor"),
}
"""Subjects whose name has another meaning in an icon set; "mouse" has in all sets."""
INK_COLOUR = "#202020"
Source = tuple[int, str, Path]
"""A subject's number, the set, and the picture's file."""


def find_drawings(work: Path, subjects: tuple[PictureSubject, ...], size: int) -> Iterator[Source]:
    """Fetch all packages into `work` and draw every subject, about `size` pixels on the longer side.

    Raises JokebotError if npm or node is missing or fails. Without Debian's tools, clip art is skipped with a message.
    """
    packages = {f"@iconify-json/{name}": version for name, version in (EMOJI | ICONS).items()}
    packages |= {f"@lobehub/{SOLID}": SOLID_VERSION, f"@expo-google-fonts/{FONT}": FONT_VERSION}
    run(
        [
            tool("npm"),
            "install",
            "--prefix",
            str(work),
            "--no-audit",
            "--no-fund",
            "--no-save",
            RENDERER,
            *(f"{name}@{version}" for name, version in packages.items()),
        ]
    )
    yield from draw_svg(work, subjects, size)
    yield from find_solids(work, subjects)
    yield from draw_glyphs(work, subjects, size)
    yield from find_clipart(work, subjects)


def draw_svg(work: Path, subjects: tuple[PictureSubject, ...], size: int) -> Iterator[Source]:
    """Draw the sets of SVG icons by render.mjs, without icons whose name has another meaning."""
    names = json.loads((work / "node_modules/@iconify-json/noto/chars.json").read_text(encoding="utf-8"))
    jobs, wanted = [], []
    for name in (*EMOJI, *ICONS):
        (work / "png" / name).mkdir(parents=True, exist_ok=True)
        for number, subject in enumerate(subjects):
            if name in ICONS and subject.en in ("mouse", *OTHER_MEANING.get(name, ())):
                continue
            for code in subject.emoji:
                file = work / "png" / name / f"{code}.png"
                file.unlink(missing_ok=True)
                jobs.append([f"@iconify-json/{name}", icon_names(code, names, subject), str(file)])
                wanted.append((number, name, file))
    (work / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    run([tool("node"), str(Path(__file__).with_name("render.mjs")), str(work / "jobs.json"), str(size)])
    for number, name, file in wanted:
        if file.is_file():
            if name in ICONS:
                fill_outline(file)
            yield number, name, file


def icon_names(code: str, names: dict[str, str], subject: PictureSubject) -> list[str]:
    """Possible icon names: the CLDR name, the Unicode name, both without hyphens (fxemoji), and the subject's name."""
    found = [
        names.get(code) or names.get(f"{code}-fe0f", ""),
        unicodedata.name(chr(int(code, 16))).lower().replace(" ", "-"),
    ]
    found = [name for name in found if name]
    return [*found, *(name.replace("-", "") for name in found), subject.en.replace(" ", "-")]


def fill_outline(file: Path) -> None:
    """Fill the inside of an outline with white, so that the background is not visible through it."""
    ink = Image.open(file).convert("RGBA")
    small = ink.getchannel("A").resize((72, 72)).point(lambda alpha: 255 if alpha > 60 else 0)
    room = Image.new("L", (76, 76))
    room.paste(small, (2, 2))
    ImageDraw.floodfill(room, (0, 0), 128)
    inside = (
        room.point(lambda mark: 0 if mark == 128 else 255)
        .crop((2, 2, 74, 74))
        .resize(ink.size, Image.Resampling.BILINEAR)
    )
    # The fill must not be visible at the outer edges of the ink.
    body = Image.new("RGBA", ink.size, "white")
    body.putalpha(inside.point(lambda mark: 255 if mark > 200 else 0))
    body.alpha_composite(ink)
    body.save(file)


def find_solids(work: Path, subjects: tuple[PictureSubject, ...]) -> Iterator[Source]:
    """The image files of the 3-D set, at most one for each emoji."""
    assets = work / "node_modules/@lobehub" / SOLID / "assets"
    for number, subject in enumerate(subjects):
        for code in subject.emoji:
            files = [file for file in (assets / f"{code}.webp", assets / f"{code}-fe0f.webp") if file.is_file()]
            yield from ((number, SOLID, file) for file in files[:1])


def draw_glyphs(work: Path, subjects: tuple[PictureSubject, ...], size: int) -> Iterator[Source]:
    """Draw the glyphs of the emoji font, without missing ones."""
    font = ImageFont.truetype(str(work / "node_modules/@expo-google-fonts" / FONT / FONT_FILE), size * 3 // 4)
    missing = font.getmask("\U0010ffff").getbbox()
    (work / "png" / FONT).mkdir(parents=True, exist_ok=True)
    for number, subject in enumerate(subjects):
        for code in subject.emoji:
            letter = chr(int(code, 16))
            if font.getmask(letter).getbbox() == missing:
                continue
            picture = Image.new("RGBA", (size, size))
            ImageDraw.Draw(picture).text((size // 2, size // 2), letter, INK_COLOUR, font, anchor="mm")
            file = work / "png" / FONT / f"{code}.png"
            picture.save(file)
            fill_outline(file)
            yield number, FONT, file


def find_clipart(work: Path, subjects: tuple[PictureSubject, ...]) -> Iterator[Source]:
    """Clip art of the Debian package, as assigned by clipart.txt; without Debian's tools only a message."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        print("No clip art: openclipart-png comes from Debian's packages, and apt-get is not here.")
        return
    root = work / "clipart"
    if not root.is_dir():
        run(["apt-get", "download", "-qq", "openclipart-png"], work)
        run(["dpkg", "-x", str(next(work.glob("openclipart-png*.deb"))), str(root)])
    numbers = {subject.en: number for number, subject in enumerate(subjects)}
    for line in CLIPART_FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            file, name = line.split(" ", 1)
            yield numbers[name], CLIPART, root / "usr/share/openclipart/png" / file


def tool(name: str) -> str:
    """A program's path. Raises JokebotError if it is missing."""
    found = shutil.which(name)
    if not found:
        raise JokebotError(f"The picture pack needs {name}, which is not installed here.")
    return found


def run(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise JokebotError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")
