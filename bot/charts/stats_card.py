"""The picture of /stats: totals, ratings a day, the liking of model versions, photos a day, and the latency.

It is as wide as a phone's screen and legible there, in a light or dark palette, for one day up to years.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bot.charts.canvas import (
    COLOURS,
    HEAD,
    LIGHT,
    MARGIN,
    PAD,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    Canvas,
    font,
    width_of,
    wrapped,
)
from bot.charts.fonts import can_write, writable
from bot.charts.forest_plot import ROW, ModelBar, draw_forest
from configs.errors import JokebotError

GAP, TILE_NUMBER = 24, 50
TILES, PLOT, LOW_PLOT, EMPTY = 148, 210, 150, 70
PLOT_LEFT, PLOT_RIGHT = 76, 40
"""Space for the numbers at a plot's sides, inside a card's padding."""
MAX_DAILY_DAYS = 45
"""With more days single ones are too narrow to compare, so means over a week are drawn instead."""
WEEK = 7
MAX_DAY_LABELS = 6


@dataclass(frozen=True)
class StatsCard:
    """All texts are in the user's language. `days` has a label for each day; the series have as many entries.

    `words`: ratings, funny, somewhat, unfunny, liking, method, photos, latency, median, slowest, seconds, nothing,
    weekly. `seconds` has a day's (median, 95th percentile), or None if there was no joke.
    """

    title: str
    subtitle: str
    words: dict[str, str]
    dark: bool = False
    tiles: list[tuple[str, str]] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    funny: list[int] = field(default_factory=list)
    somewhat: list[int] = field(default_factory=list)
    unfunny: list[int] = field(default_factory=list)
    photos: list[int] = field(default_factory=list)
    seconds: list[tuple[float, float] | None] = field(default_factory=list)
    versions: list[ModelBar] = field(default_factory=list)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "StatsCard":
        """The inverse of `dataclasses.asdict` and JSON."""
        return cls(**{**data, "versions": [ModelBar(**version) for version in data["versions"]]})


def draw(card: StatsCard) -> bytes:
    """The picture, a PNG. Raises JokebotError if no font has the characters of the user's language."""
    if not can_write(card.title + "".join(card.words.values())):
        raise JokebotError(
            "no font on this host has the characters of the admin's language; Debian's is fonts-noto-cjk."
        )
    frame, has_ratings = 2 * PAD + HEAD + 70, any(card.funny + card.somewhat + card.unfunny)
    liking = 2 * PAD + HEAD + 76 + len(_method_lines(card)) * SMALL * 1.35 + max(1, len(card.versions)) * ROW
    parts: list[tuple[Callable[[Canvas, StatsCard, float, float], None], float]] = [
        (_header, TITLE * 1.25 + TEXT * 1.35 + 8),
        (_tiles, TILES),
        (_ratings, frame + (PLOT if has_ratings else EMPTY)),
        (_liking, liking),
        (_photos, frame + (LOW_PLOT if any(card.photos) else EMPTY)),
        (_latency, frame + (PLOT if any(card.seconds) else EMPTY)),
    ]
    height = sum(height for _, height in parts) + GAP * (len(parts) - 1) + 2 * MARGIN
    canvas, y = Canvas(WIDTH, round(height), COLOURS if card.dark else LIGHT), float(MARGIN)
    for part, height in parts:
        part(canvas, card, y, height)
        y += height + GAP
    return canvas.png()


def _header(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    subtitle = f"{card.subtitle} · {card.words['weekly']}" if len(card.days) > MAX_DAILY_DAYS else card.subtitle
    canvas.text(MARGIN, y, card.title, TITLE, bold=True)
    canvas.text(MARGIN, y + TITLE * 1.25 + 8, subtitle, TEXT, canvas.colours.faint)


def _tiles(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    """The totals, side by side."""
    width = (WIDTH - 2 * MARGIN - GAP * (len(card.tiles) - 1)) / max(1, len(card.tiles))
    for index, (number, label) in enumerate(card.tiles):
        x = MARGIN + index * (width + GAP)
        canvas.box(x, y, width, height, canvas.colours.card, radius=28)
        size = min(TILE_NUMBER, TILE_NUMBER * (width - 40) / width_of(number, TILE_NUMBER, True))
        canvas.text(x + width / 2, y + 30 + (TILE_NUMBER - size) / 2, number, size, bold=True, align="center")
        canvas.text(x + width / 2, y + 96, label, SMALL, canvas.colours.faint, align="center")


def _ratings(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    """A bar for each day, stacked by verdict; the best is at the bottom, where it is easiest to compare."""
    colours = canvas.colours
    canvas.card(y, height, card.words["ratings"])
    series = [np.asarray(card.funny, float), np.asarray(card.somewhat, float), np.asarray(card.unfunny, float)]
    shades = (colours.after, colours.accent, colours.before)
    _legend(
        canvas,
        y,
        [(card.words[name], shade) for name, shade in zip(("funny", "somewhat", "unfunny"), shades, strict=True)],
    )
    _bars(canvas, card, y, PLOT, series, shades)


def _photos(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    canvas.card(y, height, card.words["photos"])
    _bars(canvas, card, y, LOW_PLOT, [np.asarray(card.photos, float)], (canvas.colours.cool,))


def _bars(
    canvas: Canvas, card: StatsCard, y: float, height: float, series: list[NDArray[np.float64]], shades: tuple[str, ...]
) -> None:
    """Stacked bars; for many days, stacked areas of weekly means."""
    total = np.sum(series, axis=0)
    if not total.any():
        _empty_note(canvas, card, y, EMPTY)
        return
    axes, positions = _plot(canvas, card, y, height), np.arange(len(total))
    floor: NDArray[np.float64] = np.zeros(len(total))
    for values, shade in zip(series, shades, strict=True):
        if len(total) > MAX_DAILY_DAYS:
            axes.fill_between(positions, floor, floor + weekly(values), color=shade, linewidth=0)
            floor = floor + weekly(values)
        else:
            axes.bar(positions, values, 0.72, bottom=floor, color=shade, linewidth=0)
            floor = floor + values
    axes.set_ylim(0, max(1.0, float(floor.max())) * 1.06)
    axes.locator_params(axis="y", integer=True, nbins=4)


def weekly(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over each day and the six before it (n), ignoring NaN; NaN if all of them are NaN."""
    known = ~np.isnan(values)
    sums, counts = (np.cumsum(np.concatenate([[0.0], part])) for part in (np.where(known, values, 0.0), known))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(0, ends - WEEK)
    count = counts[ends] - counts[begins]
    return np.where(count > 0, (sums[ends] - sums[begins]) / np.maximum(count, 1), np.nan)


def _method_lines(card: StatsCard) -> list[str]:
    return wrapped(card.words["method"], WIDTH - 2 * (MARGIN + PAD), SMALL, max_lines=3)


def _liking(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    """A row for each model version: the share as a dot, its interval as a bar."""
    canvas.card(y, height, card.words["liking"])
    rows = max(1, len(card.versions)) * ROW
    if card.versions:
        draw_forest(canvas, card.versions, y + PAD + HEAD + 26, rows)
    else:
        _empty_note(canvas, card, y, EMPTY)
    canvas.text_lines(
        MARGIN + PAD,
        y + height - PAD - len(_method_lines(card)) * SMALL * 1.35 + 6,
        _method_lines(card),
        SMALL,
        canvas.colours.faint,
    )


def _latency(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    """The median and the 95th percentile of each day; a gap on days without a joke."""
    colours = canvas.colours
    canvas.card(y, height, card.words["latency"])
    median, slowest = (np.array([day[index] if day else np.nan for day in card.seconds], float) for index in (0, 1))
    if np.isnan(median).all():
        _empty_note(canvas, card, y, EMPTY)
        return
    if len(median) > MAX_DAILY_DAYS:
        median, slowest = weekly(median), weekly(slowest)
    _legend(canvas, y, [(card.words["median"], colours.deep), (card.words["slowest"], colours.before)])
    axes, positions = _plot(canvas, card, y, PLOT), np.arange(len(median))
    axes.fill_between(positions, median, slowest, color=colours.deep, alpha=0.14, linewidth=0)
    for values, shade, width in ((slowest, colours.before, 3.5), (median, colours.deep, 5)):
        axes.plot(positions, values, color=shade, linewidth=width, solid_capstyle="round", solid_joinstyle="round")
        alone = np.array(
            [
                not np.isnan(value)
                and np.isnan([*values[max(0, index - 1) : index], *values[index + 1 : index + 2]]).all()
                for index, value in enumerate(values)
            ]
        )
        axes.plot(positions[alone], values[alone], "o", color=shade, markersize=11)
    axes.set_ylim(0, float(np.nanmax(slowest)) * 1.08 or 1.0)
    axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} {card.words['seconds']}")


def _plot(canvas: Canvas, card: StatsCard, y: float, height: float) -> Axes:
    """Axes over the days inside a card, with labels of a few days."""
    axes = canvas.axes(
        MARGIN + PAD + PLOT_LEFT, y + PAD + HEAD + 30, WIDTH - 2 * (MARGIN + PAD) - PLOT_LEFT - PLOT_RIGHT, height
    )
    days = len(card.days)
    step = max(1, -(-days // MAX_DAY_LABELS))
    labelled = range((days - 1) % step, days, step)
    axes.set(xlim=(-0.6, days - 0.4), xticks=list(labelled))
    axes.set_xticklabels([writable(card.days[index]) for index in labelled], fontproperties=font(SMALL))
    canvas.style_axes(axes)
    axes.tick_params(axis="x", pad=14)
    axes.grid(axis="y", color=canvas.colours.line, linewidth=1.2)
    axes.set_axisbelow(True)
    return axes


def _legend(canvas: Canvas, y: float, entries: list[tuple[str, str]]) -> None:
    """The legend of the colours, right of a card's title."""
    x: float = WIDTH - MARGIN - PAD
    for text, shade in reversed(entries):
        x -= width_of(text, SMALL)
        canvas.text(x, y + PAD + 5, text, SMALL, canvas.colours.faint)
        canvas.box(x - 30, y + PAD + 12, 18, 18, shade, radius=9)
        x -= 58


def _empty_note(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    canvas.text(
        WIDTH / 2,
        y + PAD + HEAD + 30 + height / 2 - TEXT / 2,
        card.words["nothing"],
        TEXT,
        canvas.colours.faint,
        align="center",
    )
