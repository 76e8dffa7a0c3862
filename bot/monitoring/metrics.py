"""Metrics for Prometheus at `/metrics`, and a health check at `/health`.

Jokes, ratings, updates and runs are not counted here. Each scrape reads them from the database through its own
connection, so that it delays no answer. prometheus-client writes the text; since its import takes 30 ms, it is
imported at the first scrape.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from bot.engine.fair_queue import FairQueue
from bot.engine.servers.base import ModelServers
from bot.monitoring import host_stats
from bot.monitoring.error_counter import ErrorCounter
from bot.monitoring.metric_families import (
    Family,
    Samples,
    engine_families,
    prompt_family,
    round_families,
    run_families,
)
from bot.runtime.http_server import listen
from bot.runtime.throttled_cache import ThrottledCache
from configs import __version__
from configs.settings import Settings
from storage.chat.metrics import (
    LatencyHistogram,
    count_banned_users,
    count_pending_updates,
    count_ratings_by_model,
    count_runs,
    list_monitored_models,
)
from storage.chat.round_wins import WinRates, read_win_rates
from storage.database import Database
from storage.maintenance.backup import newest_backup_time

if TYPE_CHECKING:
    from prometheus_client.core import HistogramMetricFamily, Metric

log = logging.getLogger(__name__)

BOUNDS_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
"""The latency histogram's buckets: a fast GPU answers within the first few, a CPU within the last."""
MAX_MODELS = 20
"""The newest model versions with their own samples, besides those that serve: labels must not grow without limit."""
ALERTS = ("engine", "disk", "backup", "database", "webhook", "gpu", "files", "job")
"""The checks of bot/monitoring/alert_checks.py; "job" stands for all periodic jobs."""


class MetricsServer:
    """An HTTP server for Prometheus. Create it with `start`, and `stop` it."""

    def __init__(self, database: Database, queue: FairQueue, servers: ModelServers, host: "HostMetrics") -> None:
        self._database, self._queue, self._servers, self._host = database, queue, servers, host
        self._latencies, self._ratings = LatencyHistogram(BOUNDS_S), ThrottledCache[None, dict[tuple[str, int], int]]()
        self._started_at = time.time()
        self._wins = ThrottledCache[None, WinRates]()
        self._scrape = asyncio.Lock()
        self._cleanup = AsyncExitStack()
        self.url = ""

    @classmethod
    async def start(
        cls, settings: Settings, queue: FairQueue, servers: ModelServers, host: "HostMetrics | None" = None
    ) -> "MetricsServer":
        """Listen at `metrics.listen`; port 0 takes a free one. `host` has the error count and the alerts.

        Raises SettingsError if the address can't be used.
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
        """Stop the server."""
        await self._cleanup.aclose()

    async def _listen(self, address: str) -> None:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/health", self._health)
        self.url = await listen(app, address, self._cleanup, subject="The metrics", variable="JOKEBOT_METRICS_LISTEN")
        log.info("metrics at %s/metrics", self.url)

    async def _health(self, request: web.Request) -> web.Response:
        """200 if the database can be read, else 503; the engine has its own health check."""
        try:
            await count_pending_updates(self._database)
        except sqlite3.Error as error:
            log.warning("the database can't be read: %s", error)
            return web.Response(status=503, text="the database can't be read\n")
        return web.Response(text="ok\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        """All metrics. The text is made in a thread, where prometheus-client is imported."""
        async with self._scrape:
            await self._latencies.catch_up(self._database)
            models = await list_monitored_models(self._database, MAX_MODELS)
            families = [
                *await self._families(models),
                *engine_families(self._servers),
                prompt_family(self._servers),
                *round_families(await self._wins.get(None, lambda: read_win_rates(self._database)), models),
                *await self._host.families(self._database),
            ]
            body, content_type = await asyncio.to_thread(exposition, MetricsSnapshot(families, self._latencies, models))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _families(self, models: Collection[str]) -> list[Family]:
        rated = await self._ratings.get(None, lambda: count_ratings_by_model(self._database))
        pending, ready = await count_pending_updates(self._database), await self._servers.ready()
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
        ratings: Samples = {
            (("model", model), ("value", str(value))): count
            for (model, value), count in rated.items()
            if model in models
        }
        jokes: Samples = {(("model", name),): count for name, count in self._latencies.jokes.items() if name in models}
        single: list[Family] = [(name, "gauge", text, {(): value}) for name, (text, value) in gauges.items()]
        return [
            ("info", "gauge", "The program's version.", {(("version", __version__),): 1}),
            ("jokes_total", "counter", "Jokes made, by model version.", jokes),
            ("ratings", "gauge", "Ratings as they stand: 3 funny, 2 somewhat, 1 not at all.", ratings),
            *single,
        ]


@dataclass
class HostMetrics:
    """The metrics of the host, the runs and the alerts. `lasting` are the open alerts."""

    settings: Settings
    error_counter: ErrorCounter = field(default_factory=ErrorCounter)
    lasting: Mapping[str, object] = field(default_factory=dict)

    def _alert_samples(self) -> Samples:
        kinds = {name.partition(":")[0] for name in self.lasting}
        return {(("what", kind),): int(kind in kinds) for kind in ALERTS}

    async def families(self, database: Database) -> list[Family]:
        """All families; the time of the last backup or run has no sample before the first one."""
        storage = self.settings.storage
        free = await asyncio.to_thread(host_stats.free_disk_bytes, storage.directory)
        backup = await asyncio.to_thread(newest_backup_time, self.settings.backup_folder)
        runs, banned = await count_runs(database), await count_banned_users(database)
        size, errors = host_stats.database_bytes(storage.database), self.error_counter.total
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


@dataclass(frozen=True, eq=False)
class MetricsSnapshot:
    """The metrics of one scrape, as a collector of prometheus-client. `models` are those with their own samples."""

    families: Collection[Family]
    latencies: LatencyHistogram
    models: Collection[str]

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
        bounds = (*map(str, self.latencies.bounds), "+Inf")
        for model, jokes in self.latencies.jokes.items():
            if model in self.models:
                counts = (*self.latencies.within[model], jokes)
                metric.add_metric([model], list(zip(bounds, counts, strict=True)), self.latencies.seconds[model])
        return metric


def exposition(snapshot: MetricsSnapshot) -> tuple[bytes, str]:
    """The snapshot in Prometheus' text format, and its content type."""
    from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(snapshot)
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4
