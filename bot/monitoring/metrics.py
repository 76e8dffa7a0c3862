"""Metrics for Prometheus: `/metrics` has them, `/health` says whether the bot works.

Jokes, ratings, updates and runs are not counted here: each scrape reads them from the database, through a connection
of its own, so that no scrape delays an answer. prometheus-client writes the text. Its import takes 30 ms, so it waits
for the first scrape.
"""

import asyncio
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from bot.engine.fair_queue import FairQueue
from bot.engine.servers.base import ModelServers
from bot.monitoring import host_stats
from bot.monitoring.error_counter import ErrorCounter
from bot.runtime.http_server import listen
from bot.runtime.throttled_cache import ThrottledCache
from configs import __version__
from configs.settings import Settings
from storage.chat.metrics import (
    LatencyHistogram,
    RunDurations,
    banned_people,
    inbox_pending,
    models_shown,
    ratings_by_model,
    runs_so_far,
)
from storage.database import Database
from storage.learning.runs import FINISHED, UNFINISHED
from storage.maintenance.backup import newest_at

if TYPE_CHECKING:
    from prometheus_client.core import HistogramMetricFamily, Metric

log = logging.getLogger(__name__)

BOUNDS_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
"""The latency histogram's buckets: a fast GPU answers within the first few, a CPU within the last."""
MODELS = 20
"""The newest model versions that have figures of their own, besides those that serve: labels must not grow for ever."""
ALERTS = ("engine", "disk", "backup", "database", "webhook", "gpu", "job")
"""What bot/monitoring/alert_checks.py looks at, and the periodic jobs all together."""
Samples = Mapping[tuple[tuple[str, str], ...], float]
"""Values by their labels: pairs of a name and a text. All samples of a metric have the same label names."""
Family = tuple[str, str, str, Samples]
"""Name, kind ("gauge" or "counter"), meaning, samples."""


class MetricsServer:
    """An HTTP server for a monitor. Make one with `start`, and `stop` it."""

    def __init__(self, database: Database, queue: FairQueue, servers: ModelServers, host: "HostMetrics") -> None:
        self._database, self._queue, self._servers, self._host = database, queue, servers, host
        self._told, self._ratings = LatencyHistogram(BOUNDS_S), ThrottledCache[None, dict[tuple[str, int], int]]()
        self._started_at = time.time()
        self._scrape = asyncio.Lock()
        self._cleanup = AsyncExitStack()
        self.url = ""

    @classmethod
    async def start(
        cls, settings: Settings, queue: FairQueue, servers: ModelServers, host: "HostMetrics | None" = None
    ) -> "MetricsServer":
        """Listen at `metrics.listen`; port 0 takes a free one. `host` counts errors and knows the alerts.

        Raises SettingsError where that is impossible.
        """
        database = await Database.open(settings.storage.database, busy_timeout_s=settings.storage.busy_timeout_s)
        metrics = cls(database, queue, servers, host or HostMetrics(settings))
        metrics._cleanup.push_async_callback(database.close)
        try:
            await metrics._listen(settings.metrics.listen)
        except BaseException:
            await metrics.stop()
            raise
        return metrics

    async def stop(self) -> None:
        """Answer no more."""
        await self._cleanup.aclose()

    async def _listen(self, address: str) -> None:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/health", self._health)
        self.url = await listen(app, address, self._cleanup, what="The metrics", variable="JOKEBOT_METRICS_LISTEN")
        log.info("metrics at %s/metrics", self.url)

    async def _health(self, request: web.Request) -> web.Response:
        """200 where the bot runs and its database can be read; the engine has a health check of its own."""
        try:
            await inbox_pending(self._database)
        except sqlite3.Error as error:
            log.warning("the database can't be read: %s", error)
            return web.Response(status=503, text="the database can't be read\n")
        return web.Response(text="ok\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        """All of them. The text is made in a thread, which is where prometheus-client is imported."""
        async with self._scrape:
            await self._told.catch_up(self._database)
            shown = await models_shown(self._database, MODELS)
            families = [
                *await self._families(shown),
                *engine_families(self._servers),
                *await self._host.families(self._database),
            ]
            body, content_type = await asyncio.to_thread(exposition, MetricsSnapshot(families, self._told, shown))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _families(self, shown: Collection[str]) -> list[Family]:
        rated = await self._ratings.get(None, lambda: ratings_by_model(self._database))
        pending, ready = await inbox_pending(self._database), await self._servers.ready()
        gauges = {
            "queue_waiting": ("Photos in the queue.", self._queue.waiting),
            "queue_longest_wait_seconds": (
                "How long the photo that came first has waited.",
                self._queue.longest_wait_s,
            ),
            "queue_in_flight": ("Requests at the engine.", self._queue.in_flight),
            "inbox_pending": ("Updates kept and not yet finished.", pending),
            "engine_up": ("Whether the engine answers and serves the model.", int(ready)),
            "start_time_seconds": ("When the bot started, seconds since 1970.", self._started_at),
        }
        ratings = {
            (("model", model), ("value", str(value))): count
            for (model, value), count in rated.items()
            if model in shown
        }
        jokes = {(("model", name),): count for name, count in self._told.jokes.items() if name in shown}
        return [
            ("info", "gauge", "The program's version.", {(("version", __version__),): 1}),
            ("jokes_total", "counter", "Jokes made, by model version.", jokes),
            ("ratings", "gauge", "Ratings as they stand: 3 funny, 2 somewhat, 1 not at all.", ratings),
            *((name, "gauge", text, {(): value}) for name, (text, value) in gauges.items()),
        ]


@dataclass
class HostMetrics:
    """What is read at each scrape, besides the queue and the engine. `lasting` are the alerts that last."""

    settings: Settings
    mistakes: ErrorCounter = field(default_factory=ErrorCounter)
    lasting: Mapping[str, object] = field(default_factory=dict)

    def _alert_samples(self) -> Samples:
        kinds = {what.partition(":")[0] for what in self.lasting}
        return {(("what", what),): int(what in kinds) for what in ALERTS}

    async def families(self, database: Database) -> list[Family]:
        """All of them; a backup's time is left out before there is one, and a run's end before the first."""
        storage = self.settings.storage
        free = await asyncio.to_thread(host_stats.free_disk_bytes, storage.directory)
        backup = await asyncio.to_thread(newest_at, self.settings.backup_folder)
        runs, banned = await runs_so_far(database), await banned_people(database)
        size, errors = host_stats.database_bytes(storage.database), self.mistakes.total
        alerts = self._alert_samples()
        return [
            *run_families(runs),
            (
                "last_backup_timestamp_seconds",
                "gauge",
                "When the newest backup was made.",
                {(): backup} if backup else {},
            ),
            ("disk_free_bytes", "gauge", "Free bytes where the data is.", {(): free}),
            ("database_bytes", "gauge", "Size of the database with its write-ahead log.", {(): size}),
            ("errors_total", "counter", "Errors logged since the start.", {(): errors}),
            ("alert", "gauge", "Whether admins were told of this trouble and it lasts.", alerts),
            ("banned_people", "gauge", "Users who are banned now.", {(): banned}),
        ]


def run_families(found: RunDurations) -> list[Family]:
    """How runs ended, and where the one under way is: every state has its sample, so that none goes missing."""
    states = ("none", *UNFINISHED)
    return [
        (
            "run_state",
            "gauge",
            "1 for the state of the run under way, none where there is none.",
            {(("state", state),): int(state == (found.under_way or "none")) for state in states},
        ),
        (
            "runs_total",
            "counter",
            "Runs that have ended, by outcome.",
            {(("outcome", outcome),): found.ended.get(outcome, 0) for outcome in FINISHED},
        ),
        (
            "last_run_timestamp_seconds",
            "gauge",
            "When the last run ended.",
            {(): found.last_at} if found.last_at else {},
        ),
    ]


def engine_families(servers: ModelServers) -> list[Family]:
    """Servers by model and state, their restarts after failures, each version's share of deliveries, and a pause."""
    counts, restarts, shares = Counter[tuple[str, str]](), Counter[str](), Counter[str]()
    for server in servers.status():
        counts[server.model, server.state] += 1
        restarts[server.model] += server.restarts
    shares[servers.router.champion.model.name] = 1 - servers.router.share
    if servers.router.canary:
        shares[servers.router.canary.model.name] = servers.router.share
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


@dataclass(frozen=True, eq=False)
class MetricsSnapshot:
    """The metrics of one scrape, as a collector of prometheus-client. `shown` are the models that have a latency."""

    families: Collection[Family]
    told: LatencyHistogram
    shown: Collection[str]

    def collect(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
        for name, kind, meaning, samples in self.families:
            labels = [label for label, _ in next(iter(samples), ())]
            metric = kinds[kind](f"jokebot_{name}", meaning, labels=labels)
            for pairs, value in samples.items():
                metric.add_metric([text for _, text in pairs], value)
            yield metric
        yield self._latency()

    def _latency(self) -> "HistogramMetricFamily":
        from prometheus_client.core import HistogramMetricFamily

        meaning = "From the request to the engine to its last word."
        metric = HistogramMetricFamily("jokebot_joke_latency_seconds", meaning, labels=["model"])
        bounds = (*map(str, self.told.bounds), "+Inf")
        for model, jokes in self.told.jokes.items():
            if model in self.shown:
                counts = (*self.told.within[model], jokes)
                metric.add_metric([model], list(zip(bounds, counts, strict=True)), self.told.seconds[model])
        return metric


def exposition(snapshot: MetricsSnapshot) -> tuple[bytes, str]:
    """The snapshot in Prometheus' text format, and its content type."""
    from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(snapshot)
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4
