"""The picture of a run's outcome: the loss, the measures of both models, and photos with both models' jokes.

It is as wide as a phone's screen, as high as needed, and legible there without zooming.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bot.charts.canvas import COLOURS, HEAD, LIGHT, MARGIN, PAD, SMALL, TEXT, TITLE, WIDTH, Canvas, font, wrapped
from bot.charts.fonts import can_write, writable
from bot.charts.measure import MetricRow
from configs.errors import JokebotError

GAP = 28
SPACING = 1.35
PHOTO = 230
CURVE = 280
MAX_HEIGHT = 2 * WIDTH
"""A chat cuts off the top and bottom of a higher picture. As many photos are shown as fit, and at least one."""
MAX_JOKE_LINES = 4
DIRECTION = SMALL * SPACING + 8
"""The line that explains the arrows behind the measures."""
SMOOTHING = 0.9
"""Weight of the past in the running mean of the loss, since a single step's loss is noisy."""


@dataclass(frozen=True)
class PhotoComparison:
    """A held-out photo's file and the jokes of the two models."""

    photo: str
    old: str
    new: str


@dataclass(frozen=True)
class RunCard:
    """All texts are in the admin's language. `words` has: loss, measures, direction, before, after, photos, steps."""

    title: str
    subtitle: str
    outcome: Literal["good", "bad", "open"]
    words: dict[str, str]
    losses: list[float] = field(default_factory=list)
    measures: list[MetricRow] = field(default_factory=list)
    pairs: list[PhotoComparison] = field(default_factory=list)
    light: bool = False

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "RunCard":
        """The inverse of `dataclasses.asdict` and JSON."""
        parts = {
            "measures": [MetricRow(**row) for row in data["measures"]],
            "pairs": [PhotoComparison(**pair) for pair in data["pairs"]],
        }
        return cls(**{**data, **parts})


def draw(card: RunCard) -> bytes:
    """The picture, a PNG. Raises JokebotError if no font has the characters of the admin's language.

    Parts without content are left out, and photos whose file is missing or whose jokes no font can write.
    """
    if not can_write(card.title + "".join(card.words.values())):
        raise JokebotError(
            "no font on this host has the characters of the admin's language; Debian's is fonts-noto-cjk."
        )
    heights = [_header_height(card), _curve_height(card), _measures_height(card)]
    pairs = _select_fitting(
        [pair for pair in card.pairs if Path(pair.photo).is_file() and can_write(pair.old + pair.new)],
        MAX_HEIGHT - sum(heights) - 5 * GAP,
    )
    heights.append(_photos_height(pairs))
    present, palette = [height for height in heights if height], LIGHT if card.light else COLOURS
    canvas = Canvas(WIDTH, round(sum(present) + GAP * (len(present) - 1) + 2 * MARGIN), palette)
    y = float(MARGIN)
    for part, height in zip((_header, _curve, _measures), heights[:3], strict=True):
        if height:
            part(canvas, card, y, height)
            y += height + GAP
    if pairs:
        _photos(canvas, card, pairs, y, heights[3])
    return canvas.png()


def _select_fitting(pairs: list[PhotoComparison], height: float) -> list[PhotoComparison]:
    """The first photos that fit into that height, without those whose jokes are too long; at least one."""
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
    return wrapped(card.title, width - 50, TITLE, max_lines=2, bold=True), wrapped(
        card.subtitle, width, TEXT, max_lines=3
    )


def _header(canvas: Canvas, card: RunCard, y: float, height: float) -> None:
    colours = canvas.colours
    title, subtitle = _header_lines(card)
    mark = {"good": colours.after, "bad": colours.worse, "open": colours.accent}[card.outcome]
    canvas.box(MARGIN, y + 4, 18, TITLE * 1.25 * len(title) - 12, mark, radius=9)
    y = canvas.text_lines(MARGIN + 46, y, title, TITLE, bold=True, spacing=1.25)
    canvas.text_lines(MARGIN, y + 10, subtitle, TEXT, colours.faint)


def _curve_height(card: RunCard) -> float:
    return PAD + HEAD + 24 + CURVE + PAD if len(card.losses) > 1 else 0.0


def _curve(canvas: Canvas, card: RunCard, y: float, height: float) -> None:
    """The loss over the steps: a thin line of each step's, a thick one of the running mean."""
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
    canvas.style_axes(axes, pad=8)
    axes.locator_params(axis="x", integer=True, nbins=5)
    axes.locator_params(axis="y", nbins=4)
    axes.grid(axis="y", color=colours.line, linewidth=1.2)


def running_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The exponential running mean of n values (n), corrected for its bias towards 0 at the start."""
    mean, means = 0.0, []
    for number, value in enumerate(values, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * float(value)
        means.append(mean / (1 - SMOOTHING**number))
    return np.asarray(means)


def _measures_height(card: RunCard) -> float:
    if not card.measures:
        return 0.0
    return PAD + HEAD + 20 + DIRECTION + sum(_measure_height(row) for row in card.measures) + PAD - 12


def _measure_height(measure: MetricRow) -> float:
    return TEXT * SPACING * max(1, len(_label(measure))) + (SMALL * SPACING if measure.note else 0) + 14


def _label(measure: MetricRow) -> list[str]:
    return wrapped(measure.label, 580, TEXT, max_lines=2)


def _measures(canvas: Canvas, card: RunCard, y: float, height: float) -> None:
    """A table with the columns measure, before and after."""
    colours, right = canvas.colours, WIDTH - MARGIN - PAD
    canvas.card(y, height, card.words["measures"])
    canvas.text(right - 210, y + PAD + 6, card.words["before"], SMALL, colours.before, align="right")
    canvas.text(right, y + PAD + 6, card.words["after"], SMALL, colours.after, align="right")
    canvas.text(MARGIN + PAD, y + PAD + HEAD + 14, card.words["direction"], SMALL, colours.faint)
    y += PAD + HEAD + 20 + DIRECTION
    for row in card.measures:
        canvas.text_lines(MARGIN + PAD, y + 4, _label(row), TEXT)
        colour = {True: colours.after, False: colours.worse, None: colours.ink}[row.better]
        canvas.text(right - 210, y + 4, row.old, TEXT, colours.before, align="right")
        canvas.text(right, y + 4, row.new, TEXT, colour, bold=True, align="right")
        if row.note:
            canvas.text(MARGIN + PAD, y + 4 + TEXT * SPACING * len(_label(row)), row.note, SMALL, colours.faint)
        y += _measure_height(row)


def _photos_height(pairs: list[PhotoComparison]) -> float:
    return PAD + HEAD + 28 + sum(_pair_height(pair) for pair in pairs) + GAP * (len(pairs) - 1) + PAD if pairs else 0.0


def _pair_height(pair: PhotoComparison) -> float:
    return max(PHOTO, 2 * 44 + 18 + sum(len(_joke(text)) for text in (pair.old, pair.new)) * TEXT * SPACING + 14)


def _joke(text: str) -> list[str]:
    return wrapped(" ".join(text.split()), WIDTH - 2 * (MARGIN + PAD) - PHOTO - 36, TEXT, max_lines=MAX_JOKE_LINES)


def _photos(canvas: Canvas, card: RunCard, pairs: list[PhotoComparison], y: float, height: float) -> None:
    """Each photo with both jokes, the one before above the one after."""
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
            canvas.text(x + 26, at, name, SMALL, colour, bold=True)
            at = canvas.text_lines(x, at + 44, _joke(text), TEXT, ink) + 18
        y += _pair_height(pair) + GAP
