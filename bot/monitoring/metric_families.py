"""Families of metrics: runs, model servers, and rounds of Oogiri."""

from collections import Counter
from collections.abc import Collection, Mapping

from bot.engine.servers.base import ModelServers
from storage.chat.metrics import RunCounts
from storage.chat.round_wins import WinRates
from storage.learning.runs import FINISHED, UNFINISHED

Samples = Mapping[tuple[tuple[str, str], ...], float]
"""Values by their labels: pairs of a name and a text. All samples of a metric have the same label names."""
Family = tuple[str, str, str, Samples]
"""Name, kind ("gauge" or "counter"), meaning, samples."""


def run_families(runs: RunCounts) -> list[Family]:
    """The outcomes of runs, and the current run's state. Every state always has a sample."""
    states = ("none", *UNFINISHED)
    return [
        (
            "run_state",
            "gauge",
            "1 for the state of the run under way, none where there is none.",
            {(("state", state),): int(state == (runs.under_way or "none")) for state in states},
        ),
        (
            "runs_total",
            "counter",
            "Runs that have ended, by outcome.",
            {(("outcome", outcome),): runs.ended.get(outcome, 0) for outcome in FINISHED},
        ),
        (
            "last_run_timestamp_seconds",
            "gauge",
            "When the last run ended.",
            {(): runs.last_at} if runs.last_at else {},
        ),
    ]


def engine_families(servers: ModelServers) -> list[Family]:
    """Servers by model and state, restarts after failures, each version's share of deliveries, and the pause."""
    counts, restarts, shares = Counter[tuple[str, str]](), Counter[str](), {}
    for server in servers.status():
        counts[server.model, server.state] += 1
        restarts[server.model] += server.restarts
    router = servers.router
    rest = 1 - router.base_share
    shares[router.champion.model.name] = rest * (1 - router.share)
    if router.canary:
        shares[router.canary.model.name] = rest * router.share
    if router.base:
        shares[router.base.model.name] = router.base_share
    return [
        (
            "servers",
            "gauge",
            "Servers, by model version and state.",
            {(("model", model), ("state", state)): count for (model, state), count in counts.items()},
        ),
        (
            "server_restarts",
            "gauge",
            "How often the servers there are were started again after a failure.",
            {(("model", model),): count for model, count in restarts.items()},
        ),
        (
            "model_share",
            "gauge",
            "Share of the deliveries, by model version.",
            {(("model", model),): share for model, share in shares.items()},
        ),
        ("paused", "gauge", "Whether photos wait while the servers sleep.", {(): int(bool(servers.paused))}),
    ]


def prompt_family(servers: ModelServers) -> Family:
    """Prompt tokens that the servers computed, and those that they had in their caches."""
    tokens = Counter[tuple[str, str]]()
    for server in servers.status():
        tokens[server.model, "computed"] += server.prompt_tokens - server.cached_tokens
        tokens[server.model, "cached"] += server.cached_tokens
    return (
        "prompt_tokens",
        "gauge",
        "Tokens of the prompts that the present servers have answered, by model version and source.",
        {(("model", model), ("source", source)): count for (model, source), count in tokens.items()},
    )


def round_families(wins: WinRates, models: Collection[str]) -> list[Family]:
    """Rounds and the win rate against people of these model versions; one with too few rounds has no win rate."""
    known = [row for row in wins.models if row.name in models]
    return [
        (
            "oogiri_rounds",
            "gauge",
            "Rounds of Oogiri with votes, by the model version of the bot's entry.",
            {(("model", row.name),): row.rounds for row in known},
        ),
        (
            "oogiri_win_rate",
            "gauge",
            "Share of comparisons with users' entries that the bot's entry wins, with its 95 % interval.",
            {
                (("model", row.name), ("bound", bound)): value
                for row in known
                if row.rate
                for bound, value in (("low", row.rate.low), ("share", row.rate.share), ("high", row.rate.high))
            },
        ),
    ]
