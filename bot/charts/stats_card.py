"""The picture of /stats: totals, ratings a day, how model versions are liked, photos a day, how long a joke takes.

As wide as a phone, in letters that can be read there; in light or dark. A year of days is drawn as a single one is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bot.charts.canvas import COLOURS, LIGHT, POINTS, Canvas, font, shortened, width_of, wrapped
from bot.charts.fonts import can_write, writable
from configs.errors import JokebotError

WIDTH, MARGIN, GAP, PAD = 1080, 40, 24, 32
TITLE, BIG, HEAD, TEXT, SMALL = 56, 50, 34, 31, 26
TILES, PLOT, LOW_PLOT, EMPTY, ROW = 148, 210, 150, 70, 56
LEFT, RIGHT = 76, 40
"""Room for the numbers at a plot's side, inside a card's padding."""
MANY_DAYS = 45
"""From here on days are too narrow to be compared one by one: means over a week are drawn in their place."""
WEEK = 7
LABELS = 6


@dataclass(frozen=True)
class ModelBar:
    """A model version: its label, its share of liked jokes with the interval (0 to 1), the note beside it, and
    whether it is in service.
    """

    label: str
    share: float
    low: float
    high: float
    note: str
    serves: bool = False


@dataclass(frozen=True)
class StatsCard:
    """All words are in the reader's language already. `days` are labels, one a day; the series have as many entries.

    `words`: ratings, funny, somewhat, unfunny, liking, method, photos, latency, median, slowest, seconds, nothing,
    weekly. `seconds` are (median, 95th percentile) or None where no joke was told.
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
        """The same, from what `dataclasses.asdict` and JSON made of it."""
        return cls(**{**data, "versions": [ModelBar(**one) for one in data["versions"]]})


def draw(card: StatsCard) -> bytes:
    """The picture, a PNG. Raises JokebotError where no font here can write the reader's language at all."""
    if not can_write(card.title + "".join(card.words.values())):
        raise JokebotError(
            "no font on this host holds the characters of the admin's language; Debian's is fonts-noto-cjk."
        )
    around, rated, told = 2 * PAD + HEAD + 70, any(card.funny + card.somewhat + card.unfunny), any(card.seconds)
    liking = 2 * PAD + HEAD + 76 + len(_method(card)) * SMALL * 1.35 + max(1, len(card.versions)) * ROW
    parts: list[tuple[Callable[[Canvas, StatsCard, float, float], None], float]] = [
        (_header, TITLE * 1.25 + TEXT * 1.35 + 8),
        (_tiles, TILES),
        (_ratings, around + (PLOT if rated else EMPTY)),
        (_liking, liking),
        (_photos, around + (LOW_PLOT if any(card.photos) else EMPTY)),
        (_latency, around + (PLOT if told else EMPTY)),
    ]
    height = sum(one for _, one in parts) + GAP * (len(parts) - 1) + 2 * MARGIN
    canvas, y = Canvas(WIDTH, round(height), COLOURS if card.dark else LIGHT), float(MARGIN)
    for part, height in parts:
        part(canvas, card, y, height)
        y += height + GAP
    return canvas.png()


def _header(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    subtitle = f"{card.subtitle} · {card.words['weekly']}" if len(card.days) > MANY_DAYS else card.subtitle
    canvas.words(MARGIN, y, card.title, TITLE, bold=True)
    canvas.words(MARGIN, y + TITLE * 1.25 + 8, subtitle, TEXT, canvas.colours.faint)


def _tiles(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    """A few totals side by side."""
    width = (WIDTH - 2 * MARGIN - GAP * (len(card.tiles) - 1)) / max(1, len(card.tiles))
    for place, (number, label) in enumerate(card.tiles):
        x = MARGIN + place * (width + GAP)
        canvas.box(x, y, width, height, canvas.colours.card, radius=28)
        size = min(BIG, BIG * (width - 40) / width_of(number, BIG, True))
        canvas.words(x + width / 2, y + 30 + (BIG - size) / 2, number, size, bold=True, align="center")
        canvas.words(x + width / 2, y + 96, label, SMALL, canvas.colours.faint, align="center")


def _ratings(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    """A bar a day, of the three verdicts: the best at the bottom, where it can be compared."""
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
    canvas: Canvas, card: StatsCard, y: float, height: float, series: list[np.ndarray], shades: tuple[str, ...]
) -> None:
    """Stacked bars; over many days areas of the means over a week."""
    total = sum(series)
    if not total.any():
        _nothing(canvas, card, y, EMPTY)
        return
    axes, places, floor = _plot(canvas, card, y, height), np.arange(len(total)), np.zeros(len(total))
    for values, shade in zip(series, shades, strict=True):
        if len(total) > MANY_DAYS:
            axes.fill_between(places, floor, floor + weekly(values), color=shade, linewidth=0)
            floor = floor + weekly(values)
        else:
            axes.bar(places, values, 0.72, bottom=floor, color=shade, linewidth=0)
            floor = floor + values
    axes.set_ylim(0, max(1.0, float(floor.max())) * 1.06)
    axes.yaxis.get_major_locator().set_params(integer=True, nbins=4)


def weekly(values: np.ndarray) -> np.ndarray:
    """The mean of each day and the six before it (n), of those among them that are numbers; NaN where none is."""
    known = ~np.isnan(values)
    sums, counts = (np.cumsum(np.concatenate([[0.0], one])) for one in (np.where(known, values, 0.0), known))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(0, ends - WEEK)
    count = counts[ends] - counts[begins]
    return np.where(count > 0, (sums[ends] - sums[begins]) / np.maximum(count, 1), np.nan)


def _method(card: StatsCard) -> list[str]:
    return wrapped(card.words["method"], WIDTH - 2 * (MARGIN + PAD), SMALL, most=3)


def _liking(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    """A line for each model version: the share as a dot, its interval as a bar."""
    canvas.card(y, height, card.words["liking"])
    rows = max(1, len(card.versions)) * ROW
    if card.versions:
        _forest(canvas, card, y + PAD + HEAD + 26, rows)
    else:
        _nothing(canvas, card, y, EMPTY)
    canvas.lines(
        MARGIN + PAD,
        y + height - PAD - len(_method(card)) * SMALL * 1.35 + 6,
        _method(card),
        SMALL,
        canvas.colours.faint,
    )


def _forest(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    colours, left, right = canvas.colours, 250, 316
    axes = canvas.axes(MARGIN + PAD + left, y, WIDTH - 2 * (MARGIN + PAD) - left - right, height)
    low, high = span(card.versions)
    axes.set(xlim=(low, high), ylim=(len(card.versions) - 0.5, -0.5), yticks=[])
    axes.xaxis.get_major_locator().set_params(nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    _plain(canvas, axes)
    axes.grid(axis="x", color=colours.line, linewidth=1.2)
    serving = next((one for one in card.versions if one.serves), None)
    if serving:
        axes.axvline(serving.share, color=colours.after, linewidth=2, linestyle=(0, (2, 2.5)), zorder=1)
    for place, one in enumerate(card.versions):
        shade, middle = colours.after if one.serves else colours.cool, y + ROW * (place + 0.5)
        axes.plot(
            [one.low, one.high],
            [place, place],
            color=shade,
            linewidth=13,
            alpha=0.32,
            solid_capstyle="round",
            zorder=2,
            clip_on=False,
        )
        axes.plot(
            [one.share],
            [place],
            "o",
            color=shade,
            markersize=15,
            markeredgewidth=2.5,
            markeredgecolor=colours.card,
            zorder=3,
            clip_on=False,
        )
        canvas.words(
            MARGIN + PAD,
            middle - TEXT / 2 - 4,
            shortened(one.label, left - 24, TEXT, bold=one.serves),
            TEXT,
            bold=one.serves,
        )
        edge = WIDTH - MARGIN - PAD
        canvas.words(edge, middle - TEXT / 2 - 4, f"{100 * one.share:.0f}%", TEXT, bold=True, align="right")
        canvas.words(edge - 124, middle - SMALL / 2 - 3, one.note, SMALL, colours.faint, align="right")


def span(versions: list[ModelBar]) -> tuple[float, float]:
    """What of 0 to 1 is shown: all intervals, on tenths, a third of it at least."""
    low = np.floor(10 * min(one.low for one in versions)) / 10
    high = np.ceil(10 * max(one.high for one in versions)) / 10
    while high - low < 0.35:
        low, high = max(0.0, low - 0.1), min(1.0, high + 0.1)
    return float(low), float(high)


def _latency(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    """The median and the slowest twentieth, day by day; a gap where no joke was told."""
    colours = canvas.colours
    canvas.card(y, height, card.words["latency"])
    median, slowest = (np.array([one[place] if one else np.nan for one in card.seconds], float) for place in (0, 1))
    if np.isnan(median).all():
        _nothing(canvas, card, y, EMPTY)
        return
    if len(median) > MANY_DAYS:
        median, slowest = weekly(median), weekly(slowest)
    _legend(canvas, y, [(card.words["median"], colours.deep), (card.words["slowest"], colours.before)])
    axes, places = _plot(canvas, card, y, PLOT), np.arange(len(median))
    axes.fill_between(places, median, slowest, color=colours.deep, alpha=0.14, linewidth=0)
    for values, shade, width in ((slowest, colours.before, 3.5), (median, colours.deep, 5)):
        axes.plot(places, values, color=shade, linewidth=width, solid_capstyle="round", solid_joinstyle="round")
        alone = np.array(
            [
                not np.isnan(value)
                and np.isnan([*values[max(0, place - 1) : place], *values[place + 1 : place + 2]]).all()
                for place, value in enumerate(values)
            ]
        )
        axes.plot(places[alone], values[alone], "o", color=shade, markersize=11)
    axes.set_ylim(0, float(np.nanmax(slowest)) * 1.08 or 1.0)
    axes.yaxis.get_major_locator().set_params(nbins=4)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} {card.words['seconds']}")


def _plot(canvas: Canvas, card: StatsCard, y: float, height: float) -> Axes:
    """Axes over the days inside a card, with a few of them named."""
    axes = canvas.axes(MARGIN + PAD + LEFT, y + PAD + HEAD + 30, WIDTH - 2 * (MARGIN + PAD) - LEFT - RIGHT, height)
    days = len(card.days)
    step = max(1, -(-days // LABELS))
    named = range((days - 1) % step, days, step)
    axes.set(xlim=(-0.6, days - 0.4), xticks=list(named))
    axes.set_xticklabels([writable(card.days[place]) for place in named], fontproperties=font(SMALL))
    _plain(canvas, axes)
    axes.tick_params(axis="x", pad=14)
    axes.grid(axis="y", color=canvas.colours.line, linewidth=1.2)
    axes.set_axisbelow(True)
    return axes


def _plain(canvas: Canvas, axes: Axes) -> None:
    """Labels in the canvas's letters, and no frame."""
    axes.tick_params(colors=canvas.colours.faint, labelsize=SMALL * POINTS, length=0, pad=9)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _legend(canvas: Canvas, y: float, entries: list[tuple[str, str]]) -> None:
    """What the colours mean, right of a card's title."""
    x = WIDTH - MARGIN - PAD
    for text, shade in reversed(entries):
        x -= width_of(text, SMALL)
        canvas.words(x, y + PAD + 5, text, SMALL, canvas.colours.faint)
        canvas.box(x - 30, y + PAD + 12, 18, 18, shade, radius=9)
        x -= 58


def _nothing(canvas: Canvas, card: StatsCard, y: float, height: float) -> None:
    canvas.words(
        WIDTH / 2,
        y + PAD + HEAD + 30 + height / 2 - TEXT / 2,
        card.words["nothing"],
        TEXT,
        canvas.colours.faint,
        align="center",
    )
