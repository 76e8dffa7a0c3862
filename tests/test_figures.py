"""Numbers in the pages and the README equal those in benchmarks/results/, rounded as they are written."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks import page as module

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
N = r"(\d[\d,]*(?:\.\d+)?)"
"""A number in a claim's pattern."""


@cache
def stored_result(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def flywheel(key: str, taste: str = "deadpan") -> Any:
    return stored_result(f"flywheel_{taste}")[key]


def on_one_card(*path: str) -> Any:
    values = stored_result("share_h100")
    for name in path:
        values = values[name]
    return values


def gate(*keys: str) -> list[float]:
    """Shares in percent, each followed by its upper bound."""
    result = stored_result("gate")
    return [100 * value for key in keys for value in (result[key], result["upper"][key])]


def watch(*keys: str) -> list[float]:
    return [100 * stored_result("watch")[key] for key in keys]


def train(*keys: str) -> list[float]:
    return [stored_result("train_h100")[key]["step_s"] for key in keys]


def merge(key: str) -> Any:
    return stored_result("merge_h100")[key]


def increments(start: str, key: str) -> list[float]:
    return [run[key] for run in stored_result("increments")[start] if run[key] is not None]


def poisoning(*keys: str) -> list[float]:
    return [100 * stored_result("poisoning")[key] for key in keys]


def serve(*path: str) -> float:
    values = stored_result("serve_h100")
    for name in path:
        values = values[name]
    return values["photos_per_s"]


def community_range(key: str) -> list[float]:
    """The least and the largest value of the seeds."""
    values = [row[key] for row in stored_result("community")["rows"]["defaults"]]
    return [min(values), max(values)]


def community_arm(name: str) -> list[float]:
    """The gains of an arm."""
    return [stored_result("community")["arms"][name][f"gain_{days}"] for days in (28, 56, 84)]


def scale(*keys: str) -> list[float]:
    return [stored_result("scale_h200x2")[key] for key in keys]


CLAIMS: list[tuple[str, str, Callable[[], list[float]]]] = [
    (
        "README.md",
        rf"12 weeks: {N} with judge and training, {N} with the judge alone",
        lambda: [community_arm(arm)[-1] for arm in ("defaults", "judge_alone")],
    ),
    (
        "README.md",
        rf"liking from {N} to {N}, {N} and {N} in three runs with {N} ratings",
        lambda: [*flywheel("liking"), flywheel("ratings")],
    ),
    (
        "README.md",
        rf"gains {N}, {N} and {N} points of liking in 4, 8 and 12 weeks",
        lambda: community_arm("defaults"),
    ),
    (
        "README.md",
        rf"gained from {N} to {N} points in 12 weeks; {N} of 10 promoted",
        lambda: [*community_range("gain_84"), 10 * stored_result("community")["promoted_by_56"]],
    ),
    (
        "docs/loop.md",
        rf"the product gained {N} points of liking after 28 days, {N} after 56 and {N} after 84",
        lambda: community_arm("defaults"),
    ),
    (
        "docs/loop.md",
        rf"{N} of 10 communities promote by day 56",
        lambda: [10 * stored_result("community")["promoted_by_56"]],
    ),
    (
        "docs/loop.md",
        rf"judge alone, without training, gained {N}, {N} and {N}",
        lambda: community_arm("judge_alone"),
    ),
    (
        "README.md",
        rf"of {N} photos none was lost and none failed, `/retrain` had the gate's verdict after {N} s, "
        rf"liking rose from {N} % to {N} %, and `/rollback` took {N} s",
        lambda: [
            stored_result("loop_h100")[key] * scale
            for key, scale in (
                ("photos", 1),
                ("retrain_s", 1),
                ("liking_before", 100),
                ("liking_after", 100),
                ("rollback_s", 1),
            )
        ],
    ),
    (
        "docs/status.md",
        rf"liking rises from {N} to {N} in three runs, with another taste from {N} to {N} \(",
        lambda: [
            liking
            for taste in ("deadpan", "wild")
            for liking in (flywheel("liking", taste)[0], flywheel("liking", taste)[-1])
        ],
    ),
    (
        "docs/status.md",
        rf"a joke takes {N} s instead of {N} s",
        lambda: [on_one_card("joke_p50_together_s"), on_one_card("joke_p50_alone_s")],
    ),
    (
        "docs/deploy/gpu.md",
        rf"a joke took {N} s instead of {N} s \(median\), so that {N} photos a second\s+were answered instead of "
        rf"{N}, and a step took {N} s instead of {N} s; "
        rf"together they took {N} GB, the server alone {N} GB",
        lambda: [
            on_one_card("joke_p50_together_s"),
            on_one_card("joke_p50_alone_s"),
            on_one_card("jokes_together", "photos_per_s"),
            on_one_card("jokes_alone", "photos_per_s"),
            on_one_card("step_together_s"),
            on_one_card("step_alone_s"),
            on_one_card("both_mb") / 1000,
            on_one_card("servers_mb") / 1000,
        ],
    ),
    (
        "docs/deploy/several-hosts.md",
        rf"\| 2 \| {N} \({N} times\) \| {N} \({N} times\) \| {N} \({N} times\)",
        lambda: [
            *scale("photos_per_s_2", "serve_speedup_2", "proxy_photos_per_s_2", "proxy_speedup_2"),
            stored_result("scale_h200x2")["train"]["runs"]["2"]["rows_per_s"],
            *scale("train_speedup_2"),
        ],
    ),
    (
        "docs/deploy/several-hosts.md",
        rf"went at {N} a second on two GPUs through the proxy, {N} %",
        lambda: [
            stored_result("scale_h200x2")["proxy_hashed"]["again"]["photos_per_s"],
            100 * stored_result("scale_h200x2")["proxy_hashed"]["again"]["hit_share"],
        ],
    ),
    (
        "docs/deploy/gpu.md",
        rf"first word of a seen photo after {N} s, and {N} photos a second with four jokes each",
        lambda: scale("again_first_word_s", "jokes_of_4_per_s"),
    ),
    (
        "docs/status.md",
        rf"a step of batch 4 takes {N} s where stock XTuner takes {N} s",
        lambda: train("ours", "stock"),
    ),
    (
        "docs/status.md",
        rf"{N} photos a second on an H100 where plain LMDeploy answers {N}, {N} s for one alone",
        lambda: [stored_result("serve_h100")[key] for key in ("photos_per_s", "plain_photos_per_s", "p50_1_s")],
    ),
    (
        "docs/status.md",
        rf"merge of {N} GB {N} s where convert_to_official takes {N} s",
        lambda: [merge("weight_gb"), sorted(merge("merge_s"))[1], merge("stock_s")],
    ),
    (
        "docs/status.md",
        rf"names {N} % of what it learnt from, {N} % of the same things",
        lambda: [
            100 * stored_result("demo_model")["subject_accuracy"],
            100 * stored_result("demo_model")["other_set_accuracy"],
        ],
    ),
    (
        "docs/gate.md",
        rf"harmful, −5 points: promoted \| ≤ 1 % \| {N} % \({N} %\) \| {N} % \({N} %\)",
        lambda: gate("harmful_promoted", "harmful_promoted_groups"),
    ),
    (
        "docs/gate.md",
        rf"equal: promoted \| ≤ 5 % \| {N} % \({N} %\) \| {N} % \({N} %\)",
        lambda: gate("equal_promoted", "equal_promoted_groups"),
    ),
    (
        "docs/gate.md",
        rf"promoted within 1,000 ratings \| ≥ 80 %; – \| {N} % \| {N} %",
        lambda: gate("better_promoted", "better_promoted_groups")[::2],
    ),
    (
        "docs/gate.md",
        rf"ratings at the promotion, median \| \| {N} \| {N}",
        lambda: [stored_result("gate")["median_ratings"], stored_result("gate")["median_ratings_groups"]],
    ),
    ("docs/gate.md", rf"stopped after {N} of its own ratings", lambda: [stored_result("gate")["terrible_ratings"]]),
    ("docs/gate.md", rf"`drift_equal_promoted`\): {N} %", lambda: gate("drift_equal_promoted")[:1]),
    (
        "docs/gate.md",
        rf"gone after 3 days; [^|]*\| ≤ 10 % \| {N} % \({N} %\)",
        lambda: gate("novelty_promoted"),
    ),
    ("docs/gate.md", rf"dislikes are not given; [^|]*\| ≤ 5 % \| {N} % \({N} %\)", lambda: gate("silence_promoted")),
    (
        "docs/gate.md",
        rf"one user likes all its jokes: [^|]*\| ≤ 5 % \| {N} % \({N} %\)",
        lambda: gate("one_fan_promoted"),
    ),
    (
        "docs/gate.md",
        rf"The worst of all worlds: {N} % of the equal champions are rolled back \(upper 95 % bound {N} %\), {N} % of "
        rf"the falls are found \(lower bound {N} %\)",
        lambda: watch("false_rollbacks_worst", "upper", "falls_found", "falls_lower"),
    ),
    (
        "docs/judge.md",
        rf"A fit on {N} ratings takes {N} s of CPU, the scores of four jokes {N} ms",
        lambda: [stored_result("judge")[key] for key in ("fit_ratings", "fit_cpu_s", "score_ms")],
    ),
    (
        "docs/candidates.md",
        rf"The worst ratio is {N}, required is at most 2",
        lambda: [stored_result("first_word")["ratio_worst"]],
    ),
    (
        "docs/loop.md",
        rf"earlier increments taught: base \| \| {N} \| {N} \| {N} \| \*\*{N}\*\*",
        lambda: increments("base", "older"),
    ),
    ("docs/loop.md", rf"… champion \| \| {N} \| {N} \| {N} \| \*\*{N}\*\*", lambda: increments("last", "older")),
    (
        "docs/loop.md",
        rf"the last one taught: base \| {N} \| {N} \| {N} \| {N} \| {N}",
        lambda: increments("base", "newest"),
    ),
    (
        "docs/loop.md",
        rf"never trained: base \| {N} \| {N} \| {N} \| {N} \| \*\*{N}\*\*",
        lambda: increments("base", "drift"),
    ),
    ("docs/loop.md", rf"rows trained on: base \| {N} \| {N} \| {N} \| {N} \| {N}", lambda: increments("base", "rows")),
    (
        "docs/training.md",
        rf"the whole process takes {N} to {N} s, a plain copy {N} to {N} s, and\s+convert_to_official {N} s",
        lambda: [
            min(merge("merge_s")),
            max(merge("merge_s")),
            min(merge("copy_s")),
            max(merge("copy_s")),
            merge("stock_s"),
        ],
    ),
    ("docs/training.md", rf"stays below \d+ MB, against {N} GB", lambda: [merge("stock_rss_mb") / 1000]),
    ("docs/datasets.md", rf"push 50 jokes get {N} % of a dataset's rows without", lambda: poisoning("poisoned_before")),
    ("docs/datasets.md", rf"none with them, while {N} % of the honest choice stays", lambda: poisoning("honest_kept")),
    (
        "docs/datasets.md",
        rf"get {N} % without the defences, {N} % with those that",
        lambda: poisoning("poisoned_before_newcomers", "unaware_newcomers"),
    ),
    (
        "docs/benchmarks.md",
        rf"{N} % of its jokes are about the thing in the photograph",
        lambda: [100 * stored_result("demo_photos")["named"]],
    ),
    (
        "configs/demo-model/checkpoint/CARD.md",
        rf"of {N} photographs of everyday things it named {N} %",
        lambda: [stored_result("demo_photos")["photos"]] + [100 * stored_result("demo_photos")["named"]],
    ),
    ("docs/checkpoints.md", rf"7,448,640 parameters, {N} MiB", lambda: [stored_result("demo_model")["mb"]]),
    (
        "docs/deploy/gpu.md",
        rf"answered {N} photos a second for 32 concurrent users, two servers {N}, three {N}, plain LMDeploy {N}",
        lambda: [
            serve("ours", "by_servers", "1", "32"),
            serve("ours", "levels", "32"),
            serve("ours", "by_servers", "3", "32"),
            serve("plain", "levels", "32"),
        ],
    ),
    (
        "docs/deploy/gpu.md",
        rf"three answered {N} and, for 64 users, {N} photos a second",
        lambda: [serve("mps", "by_servers", "3", "32"), serve("mps", "by_servers", "3", "64")],
    ),
    (
        "docs/servers.md",
        rf"two swaps took {N} and {N} s; none of {N} photos failed; the 99th percentile of the latency was {N} s "
        rf"\(before the swaps {N} s\); the longest time without a joke was {N} s",
        lambda: [
            *stored_result("swap_h100")["swap_s"],
            *(stored_result("swap_h100")[key] for key in ("requests_during", "p99_during_s", "p99_before_s", "gap_s")),
        ],
    ),
    (
        "docs/training.md",
        rf"by {N} % on average, a step took {N} s instead of {N} s, and a checkpoint {N} MB instead of {N} MB",
        lambda: [
            100 * stored_result("deepspeed_cpu")["loss_gap"],
            *(
                stored_result("deepspeed_cpu")[kind][key]
                for key in ("step_s", "checkpoint_mb")
                for kind in ("deepspeed", "plain")
            ),
        ],
    ),
    (
        "docs/deploy/8gb.md",
        rf"took {N} GB on the H100, ours {N} GB",
        lambda: [
            stored_result("train_h100")["stock"]["memory_mb"] / 1000,
            stored_result("train_h100")["ours"]["memory_mb"] / 1000,
        ],
    ),
    (
        "docs/hardware.md",
        rf"start of a server with the new model, swap \| {N} to {N} s",
        lambda: [min(stored_result("swap_h100")["swap_s"]), max(stored_result("swap_h100")["swap_s"])],
    ),
    (
        "docs/hardware.md",
        rf"{N} GB without the prefix cache \| yes, at the same time \({N} GB together\)",
        lambda: [on_one_card("servers_mb") / 1000, on_one_card("both_mb") / 1000],
    ),
    (
        "docs/hardware.md",
        rf"start of XTuner \| {N} s .*? first epoch, {N} s a step .*? five epochs, {N} s a step",
        lambda: [stored_result("train_h100")["ours"][key] for key in ("startup_s", "first_epoch_step_s", "step_s")],
    ),
    ("docs/hardware.md", rf"Stock XTuner takes {N} s a step", lambda: train("stock")),
    (
        "docs/hardware.md",
        rf"the time of one joke does: {N} s on an H200",
        lambda: [stored_result("serve_h200")["p50_1_s"]],
    ),
    (
        "docs/comparison.md",
        rf"plain {N} photos a second, through Jokebot's launcher {N}, on an H200",
        lambda: [stored_result("serve_h200")[key] for key in ("plain_photos_per_s", "photos_per_s")],
    ),
    (
        "docs/comparison.md",
        rf"answered {N} photos a second on an H100, against {N} \(",
        lambda: [stored_result("serve_h100")[key] for key in ("plain_photos_per_s", "photos_per_s")],
    ),
    ("docs/comparison.md", rf"{N} s a step of batch 4 by itself, {N} s in Jokebot", lambda: train("stock", "ours")),
]


@pytest.mark.parametrize(
    ("page", "pattern", "figures"), CLAIMS, ids=[f"{page}-{number}" for number, (page, _, _) in enumerate(CLAIMS)]
)
def test_a_quoted_figure_is_what_was_measured(page, pattern, figures):
    match = re.search(pattern, " ".join((ROOT / page).read_text(encoding="utf-8").split()))
    assert match, f"{page} no longer has this claim; update it here: {pattern}"
    for written, measured in zip(match.groups(), figures(), strict=True):
        digits = len(written.partition(".")[2])
        assert abs(float(written.replace(",", "")) - measured) <= 0.5001 * 10**-digits, (
            f"{page} says {written}, measured was {measured}"
        )


def test_every_benchmark_that_a_page_names_is_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        named = {f"{name}.py" for name in re.findall(r"make bench-([a-z]\w*)", text)} | set(
            re.findall(r"benchmarks/(\w+\.(?:py|sh))", text)
        )
        assert not [name for name in named if not (ROOT / "benchmarks" / name).is_file()], page.name


def test_the_results_page_tells_of_every_result(tmp_path, monkeypatch):
    """Results without a section of their own included."""
    results = tmp_path / "results"
    shutil.copytree(RESULTS, results)
    (results / "novel.json").write_text(
        '{"speed": 12.5, "note": "as new", "losses": [1], "date": "2026-01-01", "machine": {"cores": 2}}'
    )
    monkeypatch.setattr(module, "RESULTS", results)
    monkeypatch.setattr(sys, "argv", ["page", str(tmp_path)])
    module.main()
    page = (tmp_path / "results.md").read_text()
    assert page.count("<small>") == len(list(results.glob("*.json")))
    assert "## Novel" in page and "| `speed` | 12.5 |" in page and "2 cores, 2026-01-01; as new." in page
    plots = re.findall(r"\]\((plots/\S+-(light|dark)\.svg)#only-(\w+)\)", page)
    assert len(plots) >= 16 and all(
        colour == only and (tmp_path / path).read_text().startswith("<?xml") for path, colour, only in plots
    )
    assert {path for path, _, _ in plots} == {f"plots/{file.name}" for file in (tmp_path / "plots").iterdir()}
