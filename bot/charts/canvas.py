"""A picture as a page: all positions are pixels from the top left. Drawn by matplotlib, in a separate process.

Why a separate process: bot/charts/render.py.
"""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch
from PIL import Image, ImageOps

from bot.charts.fonts import families, writable

matplotlib.use("agg")

DPI = 100
POINTS = 72 / DPI
"""Points in a pixel; font sizes are in pixels here, like all lengths."""
WIDTH, MARGIN, PAD = 1080, 40, 32
"""The layout of both pictures: a phone's width, the margin of the page, and the padding of a card."""
TITLE, HEAD, TEXT, SMALL = 56, 34, 31, 26
"""Font sizes."""
NO_BREAK_BEFORE = frozenset("，。！？；：、）》」』”’…%,.!?;:)]}")


@dataclass(frozen=True)
class ColourScheme:
    """A palette. The default one suits light and dark chats, since most pictures can't know the chat's theme."""

    page: str = "#20242e"
    card: str = "#2b303c"
    raised: str = "#373d4b"
    ink: str = "#f3f4f7"
    faint: str = "#a7afbf"
    line: str = "#444b5a"
    before: str = "#9aa5b8"
    after: str = "#5fd1a8"
    worse: str = "#f0857d"
    accent: str = "#f7c65b"
    cool: str = "#74b0ff"
    deep: str = "#b09cff"


COLOURS = ColourScheme()
LIGHT = ColourScheme(
    page="#eef0f5",
    card="#ffffff",
    raised="#e4e7ee",
    ink="#1b1f2a",
    faint="#626b7c",
    line="#dfe3ea",
    before="#b4bccb",
    after="#1f9d77",
    worse="#cf4a3f",
    accent="#eda515",
    cool="#3d7fe0",
    deep="#7357d9",
)


class Canvas:
    """A picture of `width` × `height` pixels; y grows downwards."""

    def __init__(self, width: int, height: int, colours: ColourScheme = COLOURS) -> None:
        self.width, self.height, self.colours = width, height, colours
        matplotlib.rcParams["font.family"] = list(families())  # for the labels of axes
        self.figure = Figure((width / DPI, height / DPI), dpi=DPI, facecolor=colours.page)
        FigureCanvasAgg(self.figure)

    def text(
        self, x: float, y: float, text: str, size: float, colour: str = "", *, bold: bool = False, align: str = "left"
    ) -> None:
        """Draw one line of text; the top of its capitals is at y. `align`: x is its left, center or right."""
        self.figure.text(
            x / self.width,
            1 - (y + size) / self.height,
            writable(text, bold=bold),
            ha=align,
            va="baseline",
            color=colour or self.colours.ink,
            fontproperties=font(size, bold),
            parse_math=False,
        )

    def text_lines(
        self,
        x: float,
        y: float,
        lines: list[str],
        size: float,
        colour: str = "",
        *,
        bold: bool = False,
        spacing: float = 1.35,
    ) -> float:
        """Draw several lines of text; returns the y below them."""
        for line in lines:
            self.text(x, y, line, size, colour, bold=bold)
            y += size * spacing
        return y

    def box(self, x: float, y: float, width: float, height: float, colour: str, radius: float = 20) -> None:
        """Draw a filled rectangle with round corners."""
        axes = self.axes(x, y, width, height)
        axes.set(xlim=(0, width), ylim=(0, height))
        axes.axis("off")
        axes.add_patch(
            FancyBboxPatch(
                (radius, radius),
                width - 2 * radius,
                height - 2 * radius,
                linewidth=0,
                facecolor=colour,
                boxstyle=f"round,pad={radius},rounding_size={radius}",
            )
        )

    def card(self, y: float, height: float, title: str) -> None:
        """Draw a box over the whole width, with its title."""
        self.box(MARGIN, y, self.width - 2 * MARGIN, height, self.colours.card, radius=28)
        self.text(MARGIN + PAD, y + PAD, title, HEAD, bold=True)

    def photo(self, x: float, y: float, side: int, data: Path) -> None:
        """Draw the middle of a picture file as a square. Raises OSError if it can't be read."""
        with Image.open(data) as image:
            square = ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.LANCZOS)
        axes = self.axes(x, y, side, side)
        axes.axis("off")
        drawn = axes.imshow(square, aspect="auto", interpolation="nearest", extent=(0, side, 0, side))
        drawn.set_clip_path(
            FancyBboxPatch(
                (14, 14), side - 28, side - 28, boxstyle="round,pad=14,rounding_size=14", transform=axes.transData
            )
        )

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes at that position, without a background."""
        axes = self.figure.add_axes(
            (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        )
        axes.patch.set_alpha(0)
        return axes

    def style_axes(self, axes: Axes, *, pad: float = 9) -> None:
        """Style the axes' labels like other small text, `pad` pixels off, and remove the frame."""
        axes.tick_params(colors=self.colours.faint, labelsize=SMALL * POINTS, length=0, pad=pad)
        for spine in axes.spines.values():
            spine.set_visible(False)

    def png(self) -> bytes:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=DPI, facecolor=self.colours.page)
        return buffer.getvalue()


@cache
def font(size: float, bold: bool = False) -> FontProperties:
    """The font of that size in pixels."""
    return FontProperties(family=list(families()), size=size * POINTS, weight="bold" if bold else "normal")


@cache
def _measuring_canvas() -> FigureCanvasAgg:
    return FigureCanvasAgg(Figure((1, 1), dpi=DPI))


@cache
def width_of(text: str, size: float, bold: bool = False) -> float:
    """A line's width in pixels."""
    width, _, _ = _measuring_canvas().get_renderer().get_text_width_height_descent(text, font(size, bold), ismath=False)
    return float(width)


def shortened(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """The text in one line of that width; a text that is cut ends in "…"."""
    text = writable(" ".join(text.split()), bold=bold)
    if width_of(text, size, bold) <= width:
        return text
    while text and width_of(f"{text}…", size, bold) > width:
        text = text[:-1].rstrip()
    return f"{text}…"


def wrapped(text: str, width: float, size: float, *, max_lines: int = 99, bold: bool = False) -> list[str]:
    """The text in at most `max_lines` lines of that width; a text that is cut ends in "…"."""
    lines = [line for part in writable(text, bold=bold).splitlines() for line in _wrap(part, width, size, bold)]
    if len(lines) <= max_lines:
        return lines
    last = lines[max_lines - 1].rstrip()
    while last and width_of(f"{last}…", size, bold) > width:
        last = last[:-1].rstrip()
    return [*lines[: max_lines - 1], f"{last}…"]


def _wrap(text: str, width: float, size: float, bold: bool) -> list[str]:
    lines, line = [], ""
    for piece in _breakable_pieces(text):
        if line.strip() and width_of((line + piece).rstrip(), size, bold) > width:
            lines.append(line.strip())
            line = ""
        line += piece
        while width_of(line.rstrip(), size, bold) > width and len(line.strip()) > 1:
            cut = next(
                end for end in range(len(line) - 1, 0, -1) if width_of(line[:end], size, bold) <= width or end == 1
            )
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.strip()] if line.strip() else lines


def _breakable_pieces(text: str) -> list[str]:
    """Split a text where a line may break: after a space, and between Chinese characters."""
    pieces: list[str] = []
    for letter in text:
        together = (
            pieces
            and not pieces[-1][-1].isspace()
            and (letter in NO_BREAK_BEFORE or not (_is_cjk(letter) or _is_cjk(pieces[-1][-1])))
        )
        if together or (pieces and letter.isspace()):
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces


def _is_cjk(letter: str) -> bool:
    return "\u2e80" <= letter <= "\uffef" or ord(letter) >= 0x20000
