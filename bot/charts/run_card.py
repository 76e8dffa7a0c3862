"""The picture at the end of a run: what became of it, the loss, the measures old and new, and photos with both models'
jokes.

As wide as a phone and as high as it takes, in letters that can be read there without enlarging.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bot.charts.canvas import POINTS, Canvas, font, wrapped
from bot.charts.fonts import can_write, writable
from bot.charts.measure import MetricRow
from configs.errors import JokebotError

WIDTH, MARGIN, GAP = 1080, 40, 28
PAD = 32
TITLE, HEAD, TEXT, SMALL = 56, 34, 31, 26
SPACING = 1.35
PHOTO = 230
CURVE = 280
HIGHEST = 2 * WIDTH
"""A chat shows a higher picture with its head and feet cut off. As many photos are shown as fit, and at least one."""
MOST_LINES = 4
SMOOTH = 0.9
"""Weight of the past in the thick line; one step's loss says little."""


@dataclass(frozen=True)
class PhotoComparison:
    """A held-out photo's file and what the two models say about it."""

    photo: str
    old: str
    new: str


@dataclass(frozen=True)
class RunCard:
    """All words are in the reader's language already. `words` has: loss, measures, before, after, photos, steps."""

    title: str
    subtitle: str
    outcome: Literal["good", "bad", "open"]
    words: dict[str, str]
    losses: list[float] = field(default_factory=list)
    measures: list[MetricRow] = field(default_factory=list)
    pairs: list[PhotoComparison] = field(default_factory=list)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "RunCard":
        """The same, from what `dataclasses.asdict` and JSON made of it."""
        parts = {
            "measures": [MetricRow(**one) for one in data["measures"]],
            "pairs": [PhotoComparison(**one) for one in data["pairs"]],
        }
        return cls(**{**data, **parts})


def draw(card: RunCard) -> bytes:
    """The picture, a PNG.

    Parts without content are left out, and photos whose file is gone or whose jokes no font here can write.

    Raises JokebotError where no font here can write the reader's language at all.
    """
    if not can_write(card.title + "".join(card.words.values())):
        raise JokebotError(
            "no font on this host holds the characters of the admin's language; Debian's is fonts-noto-cjk."
        )
    heights = [_header_height(card), _curve_height(card), _measures_height(card)]
    pairs = _that_fit(
        [pair for pair in card.pairs if Path(pair.photo).is_file() and can_write(pair.old + pair.new)],
        HIGHEST - sum(heights) - 5 * GAP,
    )
    heights.append(_photos_height(pairs))
    shown = [height for height in heights if height]
    canvas = Canvas(WIDTH, round(sum(shown) + GAP * (len(shown) - 1) + 2 * MARGIN))
    y = float(MARGIN)
    for part, height in zip((_header, _curve, _measures), heights[:3], strict=True):
        if height:
            part(canvas, card, y, height)
            y += height + GAP
    if pairs:
        _photos(canvas, card, pairs, y, heights[3])
    return canvas.png()


def _that_fit(pairs: list[PhotoComparison], height: float) -> list[PhotoComparison]:
    """The first photos that fit into that height, passing over those with long jokes; one at least."""
    chosen: list[PhotoComparison] = []
    for pair in pairs:
        if not chosen or _photos_height([*chosen, pair]) <= height:
            chosen.append(pair)
    return chosen


def _header_height(card: RunCard) -> float:
    title, subtitle = _header_lines(card)
    return len(title) * TITLE * 1.25 + len(subtitle) * TEXT * SPACING + 18


def _header_lines(card: RunCard) -> tuple[list[str], list[str]]:
    width = WIDTH - 2 * MARGIN
    return wrapped(card.title, width - 50, TITLE, most=2, bold=True), wrapped(card.subtitle, width, TEXT, most=3)


def _header(canvas: Canvas, card: RunCard, y: float, height: float) -> None:
    colours = canvas.colours
    title, subtitle = _header_lines(card)
    mark = {"good": colours.after, "bad": colours.worse, "open": colours.accent}[card.outcome]
    canvas.box(MARGIN, y + 4, 18, TITLE * 1.25 * len(title) - 12, mark, radius=9)
    y = canvas.lines(MARGIN + 46, y, title, TITLE, bold=True, spacing=1.25)
    canvas.lines(MARGIN, y + 10, subtitle, TEXT, colours.faint)


def _curve_height(card: RunCard) -> float:
    return PAD + HEAD + 24 + CURVE + PAD if len(card.losses) > 1 else 0.0


def _curve(canvas: Canvas, card: RunCard, y: float, height: float) -> None:
    """Loss against steps: each step faint, their running mean thick."""
    colours = canvas.colours
    canvas.card(y, height, card.words["loss"])
    axes = canvas.axes(MARGIN + PAD + 70, y + PAD + HEAD + 24, WIDTH - 2 * (MARGIN + PAD) - 90, CURVE - 54)
    losses = np.asarray(card.losses, float)
    steps = np.arange(1, len(losses) + 1)
    smooth = running_mean(losses)
    axes.plot(steps, losses, color=colours.before, alpha=0.45, linewidth=1.6)
    axes.plot(steps, smooth, color=colours.accent, linewidth=5, solid_capstyle="round")
    axes.plot(steps[-1:], smooth[-1:], "o", color=colours.accent, markersize=13)
    low, high = float(min(losses.min(), smooth.min())), float(np.quantile(losses, 0.98))
    space = 0.08 * (max(high, smooth.max()) - low or 1.0)
    axes.set(xlim=(1, max(2, len(losses)) * 1.02), ylim=(low - space, max(high, float(smooth.max())) + space))
    axes.set_xlabel(writable(card.words["steps"]), color=colours.faint, fontproperties=font(SMALL), loc="right")
    axes.tick_params(colors=colours.faint, labelsize=SMALL * POINTS, length=0, pad=8)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    axes.yaxis.get_major_locator().set_params(nbins=4)
    axes.grid(axis="y", color=colours.line, linewidth=1.2)
    for spine in axes.spines.values():
        spine.set_visible(False)


def running_mean(values: np.ndarray) -> np.ndarray:
    """The exponential running mean of n values (n), without its usual bias towards 0 at the start."""
    mean, shown = 0.0, []
    for number, value in enumerate(values, 1):
        mean = SMOOTH * mean + (1 - SMOOTH) * float(value)
        shown.append(mean / (1 - SMOOTH**number))
    return np.asarray(shown)


def _measures_height(card: RunCard) -> float:
    if not card.measures:
        return 0.0
    return PAD + HEAD + 20 + sum(_measure_height(one) for one in card.measures) + PAD - 12


def _measure_height(measure: MetricRow) -> float:
    return TEXT * SPACING * max(1, len(_label(measure))) + (SMALL * SPACING if measure.note else 0) + 14


def _label(measure: MetricRow) -> list[str]:
    return wrapped(measure.label, 580, TEXT, most=2)


def _measures(canvas: Canvas, card: RunCard, y: float, height: float) -> None:
    """A table: what was measured, before, after."""
    colours, right = canvas.colours, WIDTH - MARGIN - PAD
    canvas.card(y, height, card.words["measures"])
    canvas.words(right - 210, y + PAD + 6, card.words["before"], SMALL, colours.before, align="right")
    canvas.words(right, y + PAD + 6, card.words["after"], SMALL, colours.after, align="right")
    y += PAD + HEAD + 20
    for one in card.measures:
        canvas.lines(MARGIN + PAD, y + 4, _label(one), TEXT)
        colour = {True: colours.after, False: colours.worse, None: colours.ink}[one.better]
        canvas.words(right - 210, y + 4, one.old, TEXT, colours.before, align="right")
        canvas.words(right, y + 4, one.new, TEXT, colour, bold=True, align="right")
        if one.note:
            canvas.words(MARGIN + PAD, y + 4 + TEXT * SPACING * len(_label(one)), one.note, SMALL, colours.faint)
        y += _measure_height(one)


def _photos_height(pairs: list[PhotoComparison]) -> float:
    return PAD + HEAD + 28 + sum(_pair_height(pair) for pair in pairs) + GAP * (len(pairs) - 1) + PAD if pairs else 0.0


def _pair_height(pair: PhotoComparison) -> float:
    return max(PHOTO, 2 * 44 + 18 + sum(len(_joke(text)) for text in (pair.old, pair.new)) * TEXT * SPACING + 14)


def _joke(text: str) -> list[str]:
    return wrapped(" ".join(text.split()), WIDTH - 2 * (MARGIN + PAD) - PHOTO - 36, TEXT, most=MOST_LINES)


def _photos(canvas: Canvas, card: RunCard, pairs: list[PhotoComparison], y: float, height: float) -> None:
    """Each photo with the joke of before above that of after."""
    colours = canvas.colours
    canvas.card(y, height, card.words["photos"])
    x, y = MARGIN + PAD + PHOTO + 36, y + PAD + HEAD + 28
    for pair in pairs:
        canvas.photo(MARGIN + PAD, y, PHOTO, Path(pair.photo))
        at = y
        for name, text, colour, ink in (
            (card.words["before"], pair.old, colours.before, colours.faint),
            (card.words["after"], pair.new, colours.after, colours.ink),
        ):
            canvas.box(x, at + 7, 14, 14, colour, radius=7)
            canvas.words(x + 26, at, name, SMALL, colour, bold=True)
            at = canvas.lines(x, at + 44, _joke(text), TEXT, ink) + 18
        y += _pair_height(pair) + GAP
