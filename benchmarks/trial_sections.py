"""The results page's sections on trial, watch, gate, judge and learning. Without NumPy, which the page does without."""

from collections.abc import Mapping
from typing import Any

Result = dict[str, Any]


def share(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def rows(head: str, values: Mapping[str, str]) -> str:
    """A table of two columns; `head` is its first line."""
    return "\n".join([head, "|---|---|", *(f"| {name} | {value} |" for name, value in values.items())])


def trial(result: Result) -> str:
    upper = result["upper"]
    kinds = {
        "novelty_promoted": "an equal candidate that is liked by 15 points more for 3 days",
        "silence_promoted": "a bland candidate (.45) whose dislikers stay silent in 35 %",
        "one_fan_promoted": "an equal candidate with one user who likes all its jokes",
    }
    promoted = {what: f"{share(result[name])} ({share(upper[name])})" for name, what in kinds.items() if name in result}
    text = (
        "The bot's own code tested simulated candidates after every rating; base liking .5, default settings, "
        f"{result['candidates']:,} candidates of each kind. Targets: of those 5 points worse at most 1 % promoted, of "
        "equal ones at most 5 %, of those 10 points better at least 80 %. With one rater a joke a promotion takes "
        f"{result['median_ratings']:.0f} ratings (median); a candidate that no user likes is stopped after "
        f"{result['terrible_ratings']:.0f}. With eight raters a joke the same 1,000 ratings cover an eighth of the "
        "jokes, so the power is lower."
    )
    if "gate_equal_rejected" in result:
        text += (
            f" The gate, before the trial, rejects {share(result['gate_equal_rejected'])} of equal models (upper bound "
            f"{share(upper['gate_equal_rejected'])})."
        )
    if not promoted:
        return text
    return f"{text}\n\n{rows('| promoted, the worst of several worlds | share (upper 95 % bound) |', promoted)}"


def fresh_trial(result: Result) -> str:
    upper = result["upper"]
    return "\n".join(
        [
            f"The three lines with other candidates (seeds from {result['first']:,} on), {result['candidates']:,} of "
            "each kind.",
            "",
            "| promoted (upper 95 % bound) | one rater a joke | eight raters a joke | a duel for every third photo |",
            "|---|---|---|---|",
            *(
                f"| {what} | "
                + " | ".join(
                    f"{share(result[name + suffix])} ({share(upper[name + suffix])})"
                    for suffix in ("", "_groups", "_duels")
                )
                + " |"
                for name, what in (
                    ("harmful_promoted", "5 points worse"),
                    ("equal_promoted", "equal"),
                    ("better_promoted", "10 points better"),
                )
            ),
        ]
    )


def watch(result: Result) -> str:
    return "\n".join(
        [
            f"{result['watches']:,} simulated promotions of each kind in each world, with the bot's own suspicion and "
            f"trial of the predecessor. At worst {share(result['false_rollbacks_worst'])} of equal champions are "
            f"rolled back (upper 95 % bound {share(result['upper'])}, target 2 %), and "
            f"{share(result['falls_found'])} of the falls of 10 points are found within 1,000 ratings (lower bound "
            f"{share(result['falls_lower'])}, target 80 %).",
            "",
            "| world | equal champion rolled back | suspected | fall found |",
            "|---|---|---|---|",
            *(
                f"| {world} | {share(result['false_rollbacks'][world])} | {share(result['suspected'][world], 0)} | "
                f"{share(found)} |"
                for world, found in result["falls"].items()
            ),
        ]
    )


def collapse(result: Result) -> str:
    cases = {**result["cases"], **result["harmless"]}
    return (
        f"{result['worlds']:,} made worlds. Of {result['tried']:,} collapsed models {result['passed']} passed the gate "
        f"(upper 95 % bound {share(result['passed_upper'], 3)}); of the harmless models, "
        f"{share(result['harmless_passed'])} of the kind that passes least "
        f"(lower bound {share(result['harmless_passed_low'])}, "
        "target 95 %).\n\n"
        + rows("| model | passed |", {name: f"{case['passed']:,} of {case['tried']:,}" for name, case in cases.items()})
    )


def judge(result: Result) -> str:
    return "\n".join(
        [
            f"Made communities with graded taste, seeds {result['seeds'][0]} to {result['seeds'][-1]}. A fit on "
            f"{result['fit_ratings']:,} ratings takes {result['fit_s']:.1f} s ({result['fit_cpu_s']:.1f} s of CPU), "
            f"the scores of four jokes {result['score_ms']:.1f} ms, with {result['load']:.0f} processes on the "
            "machine's cores. Gain: points of liking of the best of four by the judge over a random one.",
            "",
            "| ratings | gain | possible | pair accuracy | correlation with the taste |",
            "|---|---|---|---|---|",
            *(
                f"| {ratings} | {found['gain']:.1f} | {found['possible']:.1f} | {found['pair_accuracy']:.3f} | "
                f"{found['correlation']:.2f} |"
                for ratings, found in result["by_ratings"].items()
            ),
        ]
    )


def first_word(result: Result) -> str:
    engines = {name: found for name, found in result.items() if isinstance(found, dict) and "ratio" in found}
    return "\n".join(
        [
            f"The real bot with stub engines, medians of {result['photos']} photos; at worst the first word is "
            f"{result['ratio_worst']:.2f} times as late as with one candidate (target 2).",
            "",
            "| engine | candidates | first word with 1 | with several | ratio |",
            "|---|---|---|---|---|",
            *(
                f"| {name.replace('_', ' ')} | {found['candidates']} | {found['first_1']:.2f} s | "
                f"{found['first_n']:.2f} s | {found['ratio']:.2f} |"
                for name, found in engines.items()
            ),
        ]
    )


def learning_graded(result: Result) -> str:
    columns = ("before", "ceiling", "imitation", "judge", "both")
    return "\n".join(
        [
            "The demo model, users with a graded taste. Liking of jokes about fresh pictures: before; the best of four "
            "by the true liking (ceiling); the model trained on the ratings (imitation); the best of "
            "four by the judge; and both. Training and judge together reach "
            f"{result['share_of_ceiling']:.2f} of the way to the ceiling "
            f"(training alone {result['share_imitation']:.2f}, the judge alone {result['share_judge']:.2f}).",
            "",
            f"| seed | ratings | {' | '.join(columns)} |",
            "|---" * (2 + len(columns)) + "|",
            *(
                f"| {seed['seed']} | {seed['ratings']} | " + " | ".join(f"{seed[name]:.3f}" for name in columns) + " |"
                for seed in result["seeds"]
            ),
        ]
    )
