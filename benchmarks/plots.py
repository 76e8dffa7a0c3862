"""The plots of the results page (benchmarks/page.py), from benchmarks/results/*.json, for light and dark pages.

Each is an SVG without a background, 440 points wide, readable when a phone shrinks it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib import ticker

from benchmarks.plot_parts import THEMES, Measure, Theme, bars, before_and_after, sheet, two_measures

Result = dict[str, Any]
PLAIN = {"naodong": "wild ideas", "pun": "puns"}
"""Display names of styles."""


def flywheel(results: Sequence[Result], theme: Theme) -> bytes:
    """Liking before and after each run, one line per taste."""
    with sheet(theme, 3.1) as (save, (axes,)):
        for index, (result, colour) in enumerate(
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
                    (value, -index) < (other["liking"][run], -rank)
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
        count = max(len(result["liking"]) for result in results)
        axes.set(
            ylim=(0, 1.08),
            xlim=(-0.25, count - 0.75),
            ylabel="share of new jokes that the jury likes",
            xticks=range(count),
        )
        axes.set_xticklabels(["before", *(f"run {number}" for number in range(1, count))])
        axes.legend(title="users who like", loc="lower right").get_title().set_color(theme.faint)
        return save()


ARM_NAMES = {
    "defaults": "judge and training",
    "judge_alone": "judge alone",
    "training_alone": "training alone",
    "today": "an earlier version, no judge",
}


def communities(result: Result, theme: Theme) -> bytes:
    """Gain in liking by day, the mean of each arm's communities; dots are the communities of the product."""
    days = (0, 28, 56, 84)
    with sheet(theme, 3.3) as (save, (axes,)):
        for (arm, name), colour in zip(
            ARM_NAMES.items(), (theme.ours, theme.third, theme.limit, theme.others), strict=True
        ):
            means = [0, *(result["arms"][arm][f"gain_{day}"] for day in days[1:])]
            axes.plot(days, means, color=colour, marker="o", label=f"{name}: {means[-1]:+.1f}")
        for row in result["rows"]["defaults"]:
            gains = [row[f"gain_{day}"] for day in days[1:]]
            axes.plot(days[1:], gains, ".", color=theme.ours, alpha=0.45, markersize=7)
        ratings = result["arms"]["defaults"]["ratings"]
        axes.set(xlabel=f"days; about {ratings / result['days']:.0f} ratings a day", ylabel="points of liking gained")
        axes.set_xticks(days)
        axes.legend(loc="upper left")
        return save()


def trial(result: Result, theme: Theme) -> bytes:
    """Shares of simulated candidates that are promoted, and the targets."""
    names = ("5 points worse", "equal", "10 points better")
    with sheet(theme, 2.9, 2) as (save, axes):
        for index, limit in enumerate((1, 5, 80)):
            axes[0].plot(
                [limit] * 2,
                [index - 0.42, index + 0.42],
                color=theme.ink,
                linewidth=1.6,
                linestyle=(0, (2, 1.2)),
                label="target" if not index else None,
            )
        for panel, title, suffix in zip(
            axes, ("one rater per joke", "eight raters per joke"), ("", "_groups"), strict=True
        ):
            shares = [100 * result[f"{kind}_promoted{suffix}"] for kind in ("harmful", "equal", "better")]
            bars(
                panel,
                names if not suffix else ("", "", ""),
                shares,
                (theme.limit, theme.others, theme.ours),
                "{:.1f} %",
            )
            panel.set(title=title, xlim=(0, 112), xticks=[0, 40, 80], xlabel="promoted")
            panel.xaxis.set_major_formatter(ticker.PercentFormatter(decimals=0))
        axes[0].legend(loc="upper right", bbox_to_anchor=(1, 0.72))
        return save()


def steps(result: Result, theme: Theme) -> bytes:
    """Seconds per training step and GPU memory: XTuner's variants and ours."""
    kinds, colours = [result[kind] for kind in ("stock", "sdpa", "ours")], (theme.others, theme.others, theme.ours)
    return two_measures(
        ("XTuner as it comes", "XTuner with fused attention", "ours"),
        Measure("a step of 4 photos", [kind["step_s"] for kind in kinds], colours, "{:.2f} s"),
        Measure("GPU memory", [kind["memory_mb"] / 1000 for kind in kinds], colours, "{:.1f} GB"),
        theme,
    )


def merging(result: Result, theme: Theme) -> bytes:
    """Seconds and memory of a merge: XTuner's, ours and a plain copy."""
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
    """Loss per step of stock XTuner and ours, and the relative differences to stock."""
    rate, curves = next(iter(result["losses"].items()))
    count = range(1, len(curves["ours"]) + 1)

    def apart(name: str) -> list[float]:
        return [100 * (loss - stock) / stock for loss, stock in zip(curves[name], curves["stock"], strict=True)]

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
    """Forgetting and drift over five runs that start from the base or from the champion."""
    with sheet(theme, 2.9, 2) as (save, axes):
        for panel, key, title in zip(
            axes, ("older", "drift"), ("earlier lessons, forgotten", "never trained, drifted"), strict=True
        ):
            for start, colour, name in (
                ("last", theme.others, "from the champion"),
                ("base", theme.ours, "from the base"),
            ):
                pairs = [(number, run[key]) for number, run in enumerate(result[start], 1) if run[key] is not None]
                panel.plot(*zip(*pairs, strict=True), color=colour, marker="o", label=name)
            panel.set(
                title=title,
                xlabel="runs so far",
                ylim=(0, 1.3 * max(run[key] or 0 for run in result["last"])),
                xticks=range(1, len(result["base"]) + 1),
            )
        axes[0].set_ylabel("nats per token; less is better")
        axes[0].legend(loc="upper left")
        return save()


def poisoned(result: Result, theme: Theme) -> bytes:
    """Dataset shares of three kinds of brigades, without and with the defences."""
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
    """Shares of the trained style and of named subjects, before and after the fine-tune."""
    with sheet(theme, 2.2) as (save, (axes,)):
        before_and_after(
            axes,
            ["uses the trained style", "names the picture's subject"],
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
    """The upper median of the values."""
    return sorted(values)[len(values) // 2]


def write(name: str, draw: Callable[[Theme], bytes], folder: Path) -> None:
    """Write a plot as NAME-light.svg and NAME-dark.svg."""
    for theme, colours in THEMES.items():
        (folder / f"{name}-{theme}.svg").write_bytes(draw(colours))
