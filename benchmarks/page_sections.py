"""The sections of the results page (benchmarks/page.py): each result's title, text and plot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import plots
from benchmarks.community.page import community, community_sizes
from benchmarks.plot_parts import Theme
from benchmarks.serving_sections import prefix_cache, serve, serve_again, swap

Result = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """The page's section on one result: `write` gives its text, `draw` its plot (optional), `about` the plot's text."""

    result: str
    title: str
    write: Callable[[Result], str]
    draw: Callable[[Result, Theme], bytes] | None = None
    about: str = ""


def percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def table(rows: dict[str, object], head: tuple[str, str] = ("", "")) -> str:
    return "\n".join(
        [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    )


def loop(result: Result) -> str:
    text = (
        "The demo model; an admin sends /retrain while users send photos, and the serving GPU "
        f"({result['engine']}) trains. Of "
        f"{result['photos']:,} photos {result['lost']} got no answer and {result['failed']} an error message; "
        f"{result['ratings']:,} ratings. The gate had its verdict "
        f"after {result['retrain_s']:.0f} s, and the run ended as {result['run']['state']}: "
        f"{result['run']['reason']} The jury liked "
        f"{percent(result['liking_before'])} of the jokes before and {percent(result['liking_after'])} after it."
    )
    if result["rollback_s"] is not None:
        text += f" /rollback took {result['rollback_s']:.1f} s."
    if heavy := result.get("at_2b"):
        text += (
            f"\n\nWith InternVL2-2B's shapes: {heavy['train_s']:.0f} s for a run on {heavy['rows']} pairs, its "
            f"start included, {heavy['merge_s']:.1f} s to merge, "
            f"{heavy['start_s']:.0f} s for the first server's start, {heavy['swap_s']:.0f} s for the swap while it "
            f"answers, {heavy['rollback_s']:.1f} s to wake the previous model."
        )
    return text


def flywheel(result: Result) -> str:
    runs = [
        f"| {number} | {run['rows']} | {run['state']} | {run['trial_ratings']} | {run['seconds']} s |"
        for number, run in enumerate(result["runs"], 1)
    ]
    return "\n".join(
        [
            f"Simulated users with a hidden taste ({', '.join(result['taste']['styles'])}) rate jokes, and the "
            "bot learns the taste with the real export, "
            "XTuner, merge, gate, trial and swap. The jury, which does not rate, liked "
            f"{percent(result['liking'][0], 1)} of the jokes "
            f"before and {percent(result['liking'][-1], 1)} after {len(result['runs'])} runs. {result['ratings']:,} "
            f"ratings and {result['duels']} duels; "
            f"{result['lost']} photos without a joke, {result['leaked']} of the jury's pictures in a dataset.",
            "",
            "| run | jokes learnt from | ended as | ratings of its trial | took |",
            "|---|---|---|---|---|",
            *runs,
        ]
    )


def trial(result: Result) -> str:
    return (
        "**Of the former test of a trial; the present one is on the page about the gate.** "
        "The bot's own code tested simulated candidates after every rating; base liking .5, "
        f"{result['candidates']:,} candidates "
        "of each kind. Targets: of those 5 points worse at most 1 % promoted, of equal ones at most 5 %, of those "
        "10 points better at least 80 %. "
        f"With one rater a joke a promotion takes {result['median_ratings']:.0f} ratings (median); a candidate that "
        "no user likes is stopped after "
        f"{result['terrible_ratings']:.0f}. With eight raters a joke the same 1,000 ratings cover an eighth of "
        "the jokes, so the power is lower."
    )


def train(result: Result) -> str:
    return (
        f"QLoRA at InternVL2-2B's shape, batch {result['batch']}, 13 tiles, rank {result['rank']}. A step takes "
        f"{result['ours']['step_s']:.2f} s where "
        f"stock XTuner takes {result['stock']['step_s']:.2f} s, {result['speedup']:.1f} times as fast, "
        f"{result['speedup_to_sdpa']:.2f} times with XTuner's attention "
        f"fused too; in the first epoch, while features are cached, {result['ours']['first_epoch_step_s']:.2f} s. It "
        "takes more memory because "
        "activations are kept if memory allows; `training.recompute` changes that."
    )


def loss_gap(result: Result) -> str:
    worst = max(result["rates"].values(), key=lambda rate: rate["loss_gap"])
    return (
        f"Our runs learn what XTuner's own do: over {result['steps']} steps the losses lie "
        f"{percent(worst['loss_gap'], 2)} apart (mean over the steps, "
        f"limit {percent(result['gap_limit'])}). Two runs of stock XTuner, with its two kinds of attention, lie "
        f"{percent(worst['stock_gap'], 2)} apart there."
    )


def merge(result: Result) -> str:
    return (
        f"An adapter of rank {result['rank']} added to {result['weight_gb']:.1f} GB: "
        f"{plots.middle(result['merge_s']):.1f} s and {result['rss_mb'] / 1000:.2f} GB of "
        f"memory, where `convert_to_official` takes {result['stock_s']:.1f} s and "
        f"{result['stock_rss_mb'] / 1000:.1f} GB. The largest difference between "
        f"the two results is {result['max_ulp']:g} units in the last place."
    )


def increments(result: Result) -> str:
    return (
        "Five runs, each with other subjects and another sentence. At the end, earlier lessons lie "
        f"{result['older_base']:.3f} nats a token off where each run "
        f"starts from the base and repeats the old pairs, {result['older_last']:.3f} where it goes on from the "
        "champion; what nobody trained drifted "
        f"{result['drift_base']:.3f} and {result['drift_last']:.3f}. [Where a run "
        "starts](../loop.md#where-a-run-starts) tells what follows."
    )


def poisoning(result: Result) -> str:
    return (
        f"A fifth of the raters push 50 jokes. Without the defences {percent(result['poisoned_before'], 1)} of the "
        "dataset is theirs, with them "
        f"{percent(result['poisoned_after'], 1)}, while {percent(result['honest_kept'])} of the honest choice "
        "stays; newcomers in a hurry get "
        f"{percent(result['poisoned_before_newcomers'])} and {percent(result['poisoned_after_newcomers'], 1)}, and "
        f"{percent(result['honest_kept_newcomers'])} stays. "
        f"Means over {result['seeds']} simulated worlds."
    )


def learning(result: Result) -> str:
    return (
        "200 jokes in one style, one small run, and the demo model is asked again about pictures that no training "
        "has seen: "
        f"{percent(result['style_before'])} of its jokes were of that style, {percent(result['style_after'], 1)} are."
    )


def bot(result: Result) -> str:
    return "The bot's own cost, beside an engine that answers at once:\n\n" + table(
        {
            "start": f"{result['start_s']:.2f} s",
            "photo to joke, median": f"{result['own_latency_ms']:.0f} ms",
            "… the slowest twentieth": f"{result['own_latency_p95_ms']:.0f} ms",
            "photos a second": f"{result['photos_per_s']:.0f}",
            "memory after 2,000 photos": f"{result['rss_mb_at_2000']:.0f} MB",
            f"memory after {result['photos']:,}": f"{result['rss_mb']:.0f} MB",
        }
    )


def reliability(result: Result) -> str:
    return f"The bot is killed {result['cycles']} times at random moments under load:\n\n" + table(
        {
            f"photos lost, of {result['photos']:,}": result["photos_lost"],
            f"ratings lost, of {result['ratings']:,}": result["ratings_lost"],
            "ratings counted twice": result["ratings_doubled"],
            "commands without an answer": result["commands_lost"],
            "replies that came again": f"{result['repeated_replies']}, {result['most_repeated_by_one_kill']} by one "
            "kill at most",
            "from the start to the first answer": f"{result['recovery_s']:.2f} s",
        }
    )


def demo_model(result: Result) -> str:
    return f"The committed demo model ({result['mb']:.1f} MiB), asked {result['replies']} times:\n\n" + table(
        {
            "names a drawing of a kind that it learnt from": percent(result["subject_accuracy"]),
            "… the same things by an artist that it never saw": percent(result["other_set_accuracy"]),
            "speaks the language asked for": percent(result["language_accuracy"]),
            "tells the style asked for": percent(result["style_accuracy"], 1),
            "a joke, on a busy machine": f"{result['p50_s']:.1f} s",
        }
    )


def parity(result: Result) -> str:
    launcher = result["launcher"]
    return (
        f"The demo model served by LMDeploy on a GPU says the same as the CPU engine, greedily: {launcher['exact']} "
        f"of {launcher['of']} replies to the letter, "
        f"and all {launcher['near']} but for words that are as likely (the largest gap is "
        f"{max(one['gap'] for one in result['differences']):.3f} nats)."
    )


def share(result: Result) -> str:
    alone, together = result["jokes_alone"], result["jokes_together"]
    return (
        f"InternVL2-2B's shapes, {result['clients']} clients without pauses, and a QLoRA run of batch 4 "
        "on the same GPU:\n\n"
        "| | alone | together |\n|---|---|---|\n"
        f"| a joke, median | {result['joke_p50_alone_s']:.2f} s | {result['joke_p50_together_s']:.2f} s |\n"
        f"| photos a second | {alone['photos_per_s']:.1f} | {together['photos_per_s']:.1f} |\n"
        f"| a step | {result['step_alone_s']:.2f} s | {result['step_together_s']:.2f} s |\n"
        f"| memory | {result['servers_mb'] / 1000:.1f} GB, the server | {result['both_mb'] / 1000:.1f} GB |"
    )


SECTIONS = (
    Section("flywheel", "The flywheel", flywheel, about="Liking rises from run to run"),
    Section("loop_h100", "The loop while photos come", loop),
    Section("community_sizes", "Communities of other sizes", community_sizes),
    Section("community", "A community of 30", community),
    Section("gate", "The trial", trial, plots.trial, "Shares of candidates that are promoted"),
    Section("train_h100", "A training step", train, plots.steps, "Seconds per step and memory, XTuner and ours"),
    Section("loss_gap_h100", "The same losses", loss_gap, plots.losses, "Two overlapping loss curves"),
    Section("merge_h100", "The merge", merge, plots.merging, "Seconds and memory of three ways"),
    Section("increments", "From the base or from the champion", increments, plots.starts, "Forgetting over five runs"),
    Section("poisoning", "Brigades", poisoning, plots.poisoned, "Shares of a dataset that brigades get"),
    Section("learning", "Effect of a fine-tune", learning, plots.tuned, "Style and naming before and after"),
    Section("bot", "The bot itself", bot),
    Section("reliability", "Repeated kills", reliability),
    Section("serve_h100", "Photos a second", serve),
    Section("serve_h200", "Another joke for a photo", serve_again),
    Section("prefix_cache_h200", "Equal replies with the prefix cache", prefix_cache),
    Section("swap_h100", "A swap", swap),
    Section("share_h100", "Jokes and training on one card", share),
    Section("swap_cpu", "A swap without a GPU", swap),
    Section("demo_model", "The demo model", demo_model),
    Section("demo_parity_h100", "LMDeploy and the CPU engine", parity),
)
