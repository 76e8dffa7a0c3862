"""Parts of the plots (benchmarks/plots.py): colours of light and dark pages, figures and bars."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot, ticker
from matplotlib.axes import Axes

WIDTH_IN = 6.1


@dataclass(frozen=True)
class Theme:
    """Colours for a light or dark page; `ours`: the plot's subject, `others`: what it is compared with."""

    ink: str
    faint: str
    grid: str
    ours: str
    others: str
    third: str
    limit: str


THEMES = {
    "light": Theme("#1f2937", "#5b6472", "#dfe3e8", "#0a7d66", "#8a94a6", "#b26a00", "#b3392b"),
    "dark": Theme("#eef1f6", "#aab3c2", "#434a58", "#5fd1a8", "#929db1", "#f7c65b", "#f0857d"),
}


@contextmanager
def sheet(theme: Theme, height_in: float, columns: int = 1) -> Iterator[tuple[Callable[[], bytes], Sequence[Axes]]]:
    """Yields a function that saves the figure as SVG, and its axes, side by side."""
    style = {
        "font.size": 11,
        "font.family": "sans-serif",
        "svg.fonttype": "none",
        "svg.hashsalt": "jokebot",
        "text.color": theme.ink,
        "axes.labelcolor": theme.faint,
        "axes.titlesize": 11,
        "axes.titlecolor": theme.ink,
        "xtick.color": theme.faint,
        "ytick.color": theme.faint,
        "axes.edgecolor": theme.grid,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": theme.grid,
        "grid.linewidth": 0.8,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.fontsize": 10,
        "lines.linewidth": 2.2,
    }
    with matplotlib.rc_context(style):
        figure, axes = pyplot.subplots(1, columns, figsize=(WIDTH_IN, height_in), squeeze=False, layout="constrained")

        def save() -> bytes:
            output = io.BytesIO()
            figure.savefig(output, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
            # Replace this machine's fonts with the reader's.
            return re.sub(
                rb"font-family: ?[^;\"]+|font: ([\d.]+px) [^;\"]+",
                lambda match: (
                    b"font: " + match[1] + b" system-ui, sans-serif"
                    if match[1]
                    else b"font-family: system-ui, sans-serif"
                ),
                output.getvalue(),
            )

        try:
            yield save, axes[0]
        finally:
            pyplot.close(figure)


def bars(axes: Axes, names: Sequence[str], values: Sequence[float], colours: Sequence[str], form: str) -> None:
    """Draw horizontal bars with their values, the first on top."""
    drawn = axes.barh(range(len(names)), values, color=colours, height=0.62)
    axes.bar_label(drawn, [form.format(value) for value in values], padding=4)
    axes.set_yticks(range(len(names)), names, color=axes.title.get_color())
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.16)
    axes.tick_params(length=0)


@dataclass(frozen=True)
class Measure:
    """One of two adjacent bar charts: title, values, colours and the values' format."""

    title: str
    values: Sequence[float]
    colours: Sequence[str]
    form: str


def two_measures(names: Sequence[str], left: Measure, right: Measure, theme: Theme) -> bytes:
    """Two bar charts side by side with shared names; the right one may lack the last names."""
    with sheet(theme, 2.3, 2) as (save, axes):
        for panel, measure, labels in zip(axes, (left, right), (names, [""] * len(right.values)), strict=True):
            bars(panel, labels, measure.values, measure.colours, measure.form)
            panel.set(title=measure.title, xticks=[])
            panel.margins(x=0.35)
        if len(right.values) < len(names):
            axes[1].set_ylim(len(names) - 0.5, -0.5)
        return save()


def before_and_after(
    axes: Axes, names: Sequence[str], series: Sequence[tuple[Sequence[float], str, str]], theme: Theme
) -> None:
    """Two horizontal bars per name; `series`: shares of 1, colour and label, first before, then after."""
    for index, (shares, colour, label) in enumerate(series):
        drawn = axes.barh(
            [number + 0.36 * index for number in range(len(names))],
            [100 * share for share in shares],
            height=0.34,
            color=colour,
            label=label,
        )
        axes.bar_label(drawn, [f"{100 * share:.1f} %" for share in shares], padding=4)
    axes.set_yticks([number + 0.18 for number in range(len(names))], names, color=theme.ink)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.tick_params(length=0)
    axes.xaxis.set_major_formatter(ticker.PercentFormatter(decimals=0))
