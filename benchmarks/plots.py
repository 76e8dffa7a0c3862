"""The plots of the results page, drawn from benchmarks/results/*.json for a light and a dark page (benchmarks/page.py).

Each is an SVG without a background, 440 points wide with letters that stay readable where a phone shrinks it.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot, ticker
from matplotlib.axes import Axes

Result = dict[str, Any]
WIDTH_IN = 6.1
PLAIN = {"naodong": "wild ideas", "pun": "puns"}
"""Styles by other names than the settings'."""


@dataclass(frozen=True)
class Theme:
    """Colours that read well on one kind of page.

    `ours` is what the plot is about, `others` what it is compared with.
    """

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
    """A figure of some axes side by side, and what saves it as SVG."""
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
            kept = io.BytesIO()
            figure.savefig(kept, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
            # The reader's own fonts: the file names what this machine happened to have.
            return re.sub(
                rb"font-family: ?[^;\"]+|font: ([\d.]+px) [^;\"]+",
                lambda found: (
                    b"font: " + found[1] + b" system-ui, sans-serif"
                    if found[1]
                    else b"font-family: system-ui, sans-serif"
                ),
                kept.getvalue(),
            )

        try:
            yield save, axes[0]
        finally:
            pyplot.close(figure)


def bars(axes: Axes, names: Sequence[str], values: Sequence[float], colours: Sequence[str], form: str) -> None:
    """Lying bars with their values, the first on top."""
    drawn = axes.barh(range(len(names)), values, color=colours, height=0.62)
    axes.bar_label(drawn, [form.format(value) for value in values], padding=4)
    axes.set_yticks(range(len(names)), names, color=axes.title.get_color())
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.16)
    axes.tick_params(length=0)


def flywheel(results: Sequence[Result], theme: Theme) -> bytes:
    """Liking before and after each run, a line for each taste."""
    with sheet(theme, 3.1) as (save, (axes,)):
        for place, (result, colour) in enumerate(
            zip(results, (theme.ours, theme.third, theme.others, theme.limit) * len(results), strict=False)
        ):
            liking = result["liking"]
            axes.plot(
                range(len(liking)),
                liking,
                color=colour,
                marker="o",
                label=", ".join(PLAIN.get(style, style) for style in result["taste"]["styles"]),
            )
            for run, value in enumerate(liking):
                lower = any(
                    (value, -place) < (other["liking"][run], -rank)
                    for rank, other in enumerate(results)
                    if run < len(other["liking"])
                )
                axes.annotate(
                    f"{value:.3g}",
                    (run, value),
                    textcoords="offset points",
                    xytext=(0, -17 if lower else 8),
                    ha="center",
                    color=colour,
                    fontsize=10,
                )
        most = max(len(result["liking"]) for result in results)
        axes.set(
            ylim=(0, 1.08),
            xlim=(-0.25, most - 0.75),
            ylabel="share of new jokes that the jury likes",
            xticks=range(most),
        )
        axes.set_xticklabels(["before", *(f"run {number}" for number in range(1, most))])
        axes.legend(title="people who like", loc="lower right").get_title().set_color(theme.faint)
        return save()


def trial(result: Result, theme: Theme) -> bytes:
    """What share of simulated candidates is promoted, beside what was asked for."""
    names = ("5 points worse", "equal", "10 points better")
    with sheet(theme, 2.9, 2) as (save, axes):
        for place, limit in enumerate((1, 5, 80)):
            axes[0].plot(
                [limit] * 2,
                [place - 0.42, place + 0.42],
                color=theme.ink,
                linewidth=1.6,
                linestyle=(0, (2, 1.2)),
                label="asked for" if not place else None,
            )
        for one, title, suffix in zip(axes, ("one rater a joke", "eight raters a joke"), ("", "_groups"), strict=True):
            shares = [100 * result[f"{kind}_promoted{suffix}"] for kind in ("harmful", "equal", "better")]
            bars(
                one, names if not suffix else ("", "", ""), shares, (theme.limit, theme.others, theme.ours), "{:.1f} %"
            )
            one.set(title=title, xlim=(0, 112), xticks=[0, 40, 80], xlabel="promoted")
            one.xaxis.set_major_formatter(ticker.PercentFormatter(decimals=0))
        axes[0].legend(loc="upper right", bbox_to_anchor=(1, 0.72))
        return save()


@dataclass(frozen=True)
class Measure:
    """One of two measures that stand side by side: its title, a value for each bar, and how a value is written."""

    title: str
    values: Sequence[float]
    colours: Sequence[str]
    form: str


def two_measures(names: Sequence[str], left: Measure, right: Measure, theme: Theme) -> bytes:
    """Bars of two measures side by side, those of one name on one level; the right one may lack the last names."""
    with sheet(theme, 2.3, 2) as (save, axes):
        for one, measure, shown in zip(axes, (left, right), (names, [""] * len(right.values)), strict=True):
            bars(one, shown, measure.values, measure.colours, measure.form)
            one.set(title=measure.title, xticks=[])
            one.margins(x=0.35)
        if len(right.values) < len(names):
            axes[1].set_ylim(len(names) - 0.5, -0.5)
        return save()


def steps(result: Result, theme: Theme) -> bytes:
    """Seconds of a training step and GPU memory, XTuner's ways and ours."""
    kinds, colours = [result[kind] for kind in ("stock", "sdpa", "ours")], (theme.others, theme.others, theme.ours)
    return two_measures(
        ("XTuner as it comes", "XTuner with fused attention", "ours"),
        Measure("a step of 4 photos", [kind["step_s"] for kind in kinds], colours, "{:.2f} s"),
        Measure("GPU memory", [kind["memory_mb"] / 1000 for kind in kinds], colours, "{:.1f} GB"),
        theme,
    )


def merging(result: Result, theme: Theme) -> bytes:
    """Seconds and memory of a merge, XTuner's way, ours, a plain copy."""
    colours = (theme.others, theme.ours, theme.faint)
    return two_measures(
        ("convert_to_official", "ours", "a plain copy"),
        Measure(
            "4.4 GB merged in",
            [result["stock_s"], middle(result["merge_s"]), middle(result["copy_s"])],
            colours,
            "{:.1f} s",
        ),
        Measure("memory", [result["stock_rss_mb"] / 1000, result["rss_mb"] / 1000], colours[:2], "{:.2f} GB"),
        theme,
    )


def losses(result: Result, theme: Theme) -> bytes:
    """The loss of stock XTuner and ours, step by step, and how far ours and XTuner's other attention lie from it."""
    rate, curves = next(iter(result["losses"].items()))
    count = range(1, len(curves["ours"]) + 1)

    def apart(name: str) -> list[float]:
        return [100 * (one - stock) / stock for one, stock in zip(curves[name], curves["stock"], strict=True)]

    with sheet(theme, 3.0, 2) as (save, (left, right)):
        left.plot(count, curves["stock"], color=theme.others, linewidth=5, label="XTuner")
        left.plot(count, curves["ours"], color=theme.ours, linewidth=1.8, label="ours")
        left.set(title=f"loss, rate {float(rate):g}", xlabel="step", ylabel="nats a token", yscale="log")
        left.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        left.yaxis.set_minor_formatter(ticker.NullFormatter())
        left.yaxis.set_major_locator(ticker.FixedLocator([0.5, 1, 2, 5, 10]))
        left.legend(loc="upper right")
        right.plot(count, apart("sdpa"), color=theme.others, linewidth=1.8, label="XTuner, other attention")
        right.plot(count, apart("ours"), color=theme.ours, linewidth=1.8, label="ours")
        right.set(title="from XTuner's, %", xlabel="step", ylim=(-1.1, 1.1))
        right.legend(loc="upper right")
        return save()


def starts(result: Result, theme: Theme) -> bytes:
    """What is forgotten and what drifts, over five runs that start from the base or from the champion."""
    with sheet(theme, 2.9, 2) as (save, axes):
        for one, key, title in zip(
            axes, ("older", "drift"), ("earlier lessons, forgotten", "never trained, drifted"), strict=True
        ):
            for start, colour, name in (
                ("last", theme.others, "from the champion"),
                ("base", theme.ours, "from the base"),
            ):
                pairs = [(number, run[key]) for number, run in enumerate(result[start], 1) if run[key] is not None]
                one.plot(*zip(*pairs, strict=True), color=colour, marker="o", label=name)
            one.set(
                title=title,
                xlabel="runs so far",
                ylim=(0, 1.3 * max(run[key] or 0 for run in result["last"])),
                xticks=range(1, len(result["base"]) + 1),
            )
        axes[0].set_ylabel("nats a token; less is better")
        axes[0].legend(loc="upper left")
        return save()


def before_and_after(
    axes: Axes, names: Sequence[str], series: Sequence[tuple[Sequence[float], str, str]], theme: Theme
) -> None:
    """Two lying bars for each name, of shares of 1: their values, colour and label, those of before first."""
    for place, (shares, colour, label) in enumerate(series):
        drawn = axes.barh(
            [number + 0.36 * place for number in range(len(names))],
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


def poisoned(result: Result, theme: Theme) -> bytes:
    """The share of a dataset that three kinds of brigades get, without and with the defences."""
    kinds = {
        "a block of voters": "",
        "… who also vote as others do": "_camouflaged",
        "newcomers in a hurry": "_newcomers",
    }
    with sheet(theme, 3.0) as (save, (axes,)):
        before_and_after(
            axes,
            list(kinds),
            [
                ([result[f"poisoned_{key}{suffix}"] for suffix in kinds.values()], colour, label)
                for key, colour, label in (
                    ("before", theme.limit, "without the defences"),
                    ("after", theme.ours, "with them"),
                )
            ],
            theme,
        )
        axes.set(xlim=(0, 33), xlabel="share of the dataset that they pushed")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.26), ncols=2)
        return save()


def tuned(result: Result, theme: Theme) -> bytes:
    """How often the demo model speaks in the style that was asked for by training alone, and still names the thing."""
    with sheet(theme, 2.2) as (save, (axes,)):
        before_and_after(
            axes,
            ["tells the style it was taught", "names what is on the picture"],
            [
                ([result[f"style_{key}"], result[f"subject_{key}"]], colour, f"{key} the training")
                for key, colour in (("before", theme.others), ("after", theme.ours))
            ],
            theme,
        )
        axes.set(xlim=(0, 118), xticks=[0, 50, 100])
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
        return save()


def middle(values: Sequence[float]) -> float:
    """The median of an odd number of values."""
    return sorted(values)[len(values) // 2]


def write(name: str, draw: Callable[[Theme], bytes], folder: Path) -> None:
    """Both colours of a plot, as NAME-light.svg and NAME-dark.svg."""
    for theme, colours in THEMES.items():
        (folder / f"{name}-{theme}.svg").write_bytes(draw(colours))
