"""The fonts of pictures: one for Latin and symbols, then one for Chinese, Japanese and Korean if the host has one."""

from functools import cache

from matplotlib import font_manager
from matplotlib.font_manager import FontEntry
from matplotlib.ft2font import FT2Font

LATIN = "DejaVu Sans"
"""Part of matplotlib, so every host has it."""
CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "AR PL UMing CN",
    "Arial Unicode MS",
)
"""Fonts with Chinese characters, best first: those of Linux distributions, then of other systems."""
INVISIBLE = {0x200D, 0xFE0E, 0xFE0F}
"""Joiners and variation selectors, which change an emoji and have no glyph."""


@cache
def families() -> tuple[str, ...]:
    """The font families; matplotlib takes each character from the first that has it."""
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return (LATIN, *[name for name in CJK_FONTS if name in installed][:1])


@cache
def _characters(bold: bool) -> frozenset[int]:
    characters: set[int] = set()
    for family in families():
        entry = _entry(family, bold)
        # The faces of a collection have the same characters, so any of them can be opened.
        characters |= FT2Font(entry.fname).get_charmap().keys()
    return frozenset(characters - INVISIBLE)


def _entry(family: str, bold: bool) -> FontEntry:
    entries = [entry for entry in font_manager.fontManager.ttflist if entry.name == family and entry.style == "normal"]
    return min(
        entries,
        key=lambda entry: abs(int(entry.weight if str(entry.weight).isdigit() else 400) - (700 if bold else 400)),
    )


def writable(text: str, *, bold: bool = False) -> str:
    """The text without characters that no font has, such as most emoji: they would be drawn as boxes."""
    characters = _characters(bold)
    return "".join(letter for letter in text if letter.isspace() or ord(letter) in characters).strip()


def can_write(text: str) -> bool:
    """Whether the fonts have nearly all letters of a text: a joke may lose an emoji, but not its words."""
    letters = [letter for letter in text if letter.isalnum()]
    characters = _characters(False)
    return sum(ord(letter) in characters for letter in letters) >= 0.95 * len(letters)
