"""The results page's sections on jokes from LMDeploy servers: rates, the prefix cache, swaps."""

from collections.abc import Mapping, Sequence
from typing import Any

Result = dict[str, Any]


def _photos_per_s(levels: Mapping[str, Any], clients: Sequence[str]) -> str:
    """Table cells: the rate for each number of clients, empty if not measured."""
    return " | ".join(format(levels[number]["photos_per_s"], ".1f") if number in levels else "" for number in clients)


def serve(result: Result) -> str:
    ours, plain, mps = (result[name] for name in ("ours", "plain", "mps"))
    rows = {
        "plain LMDeploy": plain["levels"],
        f"ours, {ours['servers']} servers": ours["levels"],
        **{f"ours, {count} server{'s' * (count != '1')}": levels for count, levels in ours["by_servers"].items()},
        **{f"ours, {count} servers with NVIDIA's MPS": levels for count, levels in mps["by_servers"].items()},
    }
    clients = list(plain["levels"])
    return "\n".join(
        [
            f"Photos a second with InternVL2-2B's shapes, {result['tiles']} tiles a photo and "
            f"{result['new_tokens']} words of reply, by how many ask at the same time "
            f"(with one, the median is {result['p50_1_s']:.2f} s a photo; no request of any failed):",
            "",
            f"| clients | {' | '.join(clients)} |",
            "|---|" + "---|" * len(clients),
            *(f"| {name} | {_photos_per_s(levels, clients)} |" for name, levels in rows.items()),
        ]
    )


def serve_again(result: Result) -> str:
    seen = result["ours"]["seen"]
    rows = [
        f"| {name.split(',')[0]} | {name.split(', ')[1].split()[0]} | {level['hit_share']:.2f} "
        f"| {level['photos_per_s']:.1f} |"
        for name, level in seen["again"].items()
    ]
    return "\n".join(
        [
            f"Each of a number of photos a second time, in random order, with another prompt, on one "
            f"{result['machine']['gpu']} with {result['shapes']}. The server's cache holds "
            f"{result['cached_photos']} photos. Photos seen for the first time: {result['photos_per_s']:.1f} a second "
            f"(plain LMDeploy: {result['plain_photos_per_s']:.1f}). The first word came after "
            f"{seen['fresh_first_word_s']:.3f} s for a new photo and {seen['again_first_word_s']:.3f} s for a seen "
            f"one. With four jokes for each photo, {result['jokes_of_4_per_s']:.1f} photos a second were answered.",
            "",
            "| photos | clients | tokens found in the cache | photos a second |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def prefix_cache(result: Result) -> str:
    pairs = (
        ("first pass with the cache", "first_pass"),
        ("second pass, each photo in the cache", "warm"),
        ("third pass, twice as many clients", "warm_crowded"),
        ("second pass without a cache (control)", "control"),
    )
    rows = [
        f"| {name} | {result[key + '_equal']} | {result[key + '_near']} | {result[key + '_different']} |"
        for name, key in pairs
    ]
    return "\n".join(
        [
            f"{result['replies']} greedy replies of the demo model on one {result['machine']['gpu']}, against those of "
            f'a server without the cache ({result["different_texts"]} different texts). "Nearly equal": at the first '
            f"different token the two best lay less than 0.1 apart. {result['hit_share']:.0%} of the second pass's "
            f"tokens came from the cache; for a photo that differs in one tile or in its grid, or for none, at most "
            f"{result['foreign_tokens']} tokens did, which stand before the photo.",
            "",
            "| replies | equal | nearly equal | different |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def swap(result: Result) -> str:
    where = "with CPU engines" if result["kind"] == "cpu" else "in LMDeploy, with InternVL2-2B's shapes"
    return (
        f"A model takes another's place while {result['clients']} clients keep asking, {where}: of "
        f"{result['requests_during']:,} photos during "
        f"{result['swaps']} swaps {result['failed']} failed; the slowest hundredth took "
        f"{result['p99_during_s']:.2f} s, before the swaps {result['p99_before_s']:.2f} s; "
        f"for {result['gap_s']:.2f} s at most no joke was finished."
    )
