"""Which fonts a picture is written in: Latin and symbols first, then Chinese, Japanese and Korean where this host
has such a font.
"""

from functools import cache

from matplotlib import font_manager
from matplotlib.font_manager import FontEntry
from matplotlib.ft2font import FT2Font

LATIN = "DejaVu Sans"
"""Comes with matplotlib, so it is there on every host."""
WIDE = (
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
"""Fonts that hold Chinese, best first: those of Linux distributions, then of other systems."""
INVISIBLE = {0x200D, 0xFE0E, 0xFE0F}
"""Joiners and variation selectors, which change an emoji and have no shape of their own."""


@cache
def families() -> tuple[str, ...]:
    """The families to write in; matplotlib takes each character from the first that has it."""
    there = {entry.name for entry in font_manager.fontManager.ttflist}
    return (LATIN, *[name for name in WIDE if name in there][:1])


@cache
def _characters(bold: bool) -> frozenset[int]:
    known: set[int] = set()
    for family in families():
        entry = _entry(family, bold)
        # A collection's faces share their characters, so which of them is opened makes no difference here.
        known |= FT2Font(entry.fname).get_charmap().keys()
    return frozenset(known)


def _entry(family: str, bold: bool) -> FontEntry:
    entries = [entry for entry in font_manager.fontManager.ttflist if entry.name == family and entry.style == "normal"]
    return min(
        entries,
        key=lambda entry: abs(int(entry.weight if str(entry.weight).isdigit() else 400) - (700 if bold else 400)),
    )


def writable(text: str, *, bold: bool = False) -> str:
    """The text without what no font here has, such as most emoji: nobody wants to read little boxes."""
    known = _characters(bold)
    return "".join(
        letter for letter in text if letter.isspace() or ord(letter) in known and ord(letter) not in INVISIBLE
    ).strip()


def can_write(text: str) -> bool:
    """Whether nearly all letters of a text can be written here: a joke may lose an emoji, but not its words."""
    letters = [letter for letter in text if letter.isalnum()]
    known = _characters(False)
    return sum(ord(letter) in known for letter in letters) >= 0.95 * len(letters)
