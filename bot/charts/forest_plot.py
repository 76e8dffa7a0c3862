"""The likings of model versions as a forest plot: a row for each version, the share as a dot, its interval as a bar."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bot.charts.canvas import MARGIN, PAD, SMALL, TEXT, WIDTH, Canvas, shortened

ROW, LABEL_WIDTH, NOTE_WIDTH = 56, 250, 316
MIN_SPAN = 0.35


@dataclass(frozen=True)
class ModelBar:
    """A model version: its label, its share of liked jokes with the interval (0 to 1), a note, is it in service."""

    label: str
    share: float
    low: float
    high: float
    note: str
    serves: bool = False


def draw_forest(canvas: Canvas, versions: list[ModelBar], y: float, height: float) -> None:
    """Draw the plot from y downwards, with a dotted line at the share of the version in service."""
    colours = canvas.colours
    plot_width = WIDTH - 2 * (MARGIN + PAD) - LABEL_WIDTH - NOTE_WIDTH
    axes = canvas.axes(MARGIN + PAD + LABEL_WIDTH, y, plot_width, height)
    axes.set(xlim=span(versions), ylim=(len(versions) - 0.5, -0.5), yticks=[])
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    canvas.style_axes(axes)
    axes.grid(axis="x", color=colours.line, linewidth=1.2)
    serving = next((version for version in versions if version.serves), None)
    if serving:
        axes.axvline(serving.share, color=colours.after, linewidth=2, linestyle=(0, (2, 2.5)), zorder=1)
    for index, version in enumerate(versions):
        _draw_interval(canvas, axes, version, index)
        _draw_texts(canvas, version, y + ROW * (index + 0.5))


def _draw_interval(canvas: Canvas, axes: Axes, version: ModelBar, row: int) -> None:
    colours = canvas.colours
    shade = colours.after if version.serves else colours.cool
    bar: dict[str, Any] = {"linewidth": 13, "alpha": 0.32, "solid_capstyle": "round"}
    axes.plot([version.low, version.high], [row, row], color=shade, zorder=2, clip_on=False, **bar)
    dot: dict[str, Any] = {"markersize": 15, "markeredgewidth": 2.5, "markeredgecolor": colours.card}
    axes.plot([version.share], [row], "o", color=shade, zorder=3, clip_on=False, **dot)


def _draw_texts(canvas: Canvas, version: ModelBar, middle: float) -> None:
    label = shortened(version.label, LABEL_WIDTH - 24, TEXT, bold=version.serves)
    canvas.text(MARGIN + PAD, middle - TEXT / 2 - 4, label, TEXT, bold=version.serves)
    edge = WIDTH - MARGIN - PAD
    canvas.text(edge, middle - TEXT / 2 - 4, f"{100 * version.share:.0f}%", TEXT, bold=True, align="right")
    canvas.text(edge - 124, middle - SMALL / 2 - 3, version.note, SMALL, canvas.colours.faint, align="right")


def span(versions: list[ModelBar]) -> tuple[float, float]:
    """The range of shares that contains all intervals, in tenths, at least MIN_SPAN wide."""
    low = np.floor(10 * min(version.low for version in versions)) / 10
    high = np.ceil(10 * max(version.high for version in versions)) / 10
    while high - low < MIN_SPAN:
        low, high = max(0.0, low - 0.1), min(1.0, high + 0.1)
    return float(low), float(high)
