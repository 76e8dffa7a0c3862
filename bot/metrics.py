"""The bot's figures for Prometheus, in its text format (https://prometheus.io/docs/instrumenting/exposition_formats/).

`/metrics` has the figures, `/health` says whether the bot works. Nothing is counted twice: jokes, ratings and updates are
read from the database, through a connection of their own, so that no scrape holds up an answer.
"""
import asyncio
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import AsyncExitStack

from aiohttp import web

from bot.engine.queue import FairQueue
from bot.engine.servers import Servers
from bot.listening import listen
from bot.metrics_host import Host
from bot.rested import Rested
from bot.runtime.version import program_version
from configs.settings import Settings
from storage.database import Database
from storage.measures import Told, inbox_pending, models_shown, ratings_by_model

log = logging.getLogger(__name__)

BOUNDS_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
"""The latency histogram's buckets: a fast GPU answers within the first few, a CPU within the last."""
MODELS = 20
"""The newest model versions that have figures of their own, besides those that serve: labels must not grow for ever."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Samples = Mapping[tuple[tuple[str, str], ...], float]
"""Values by their labels: pairs of a name and a text."""


class Metrics:
    """An HTTP server for a monitor. Make one with `start`, and `stop` it."""

    def __init__(self, database: Database, queue: FairQueue, servers: Servers, host: Host) -> None:
        self._database, self._queue, self._servers, self._host = database, queue, servers, host
        self._told, self._ratings = Told(BOUNDS_S), Rested[None, dict[tuple[str, int], int]]()
        self._started_at = time.time()
        self._scrape = asyncio.Lock()
        self._cleanup = AsyncExitStack()
        self.url = ""

    @classmethod
    async def start(cls, settings: Settings, queue: FairQueue, servers: Servers, host: Host | None = None) -> "Metrics":
        """Listen at `metrics.listen`; port 0 takes a free one. `host` counts errors and knows the alerts. Raises SettingsError where that is impossible."""
        database = await Database.open(settings.storage.database, busy_timeout_s=settings.storage.busy_timeout_s)
        metrics = cls(database, queue, servers, host or Host(settings))
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
        async with self._scrape:
            await self._told.catch_up(self._database)
            rated = await self._ratings.get(None, lambda: ratings_by_model(self._database))
            pending, ready = await inbox_pending(self._database), await self._servers.ready()
            shown, more = await models_shown(self._database, MODELS), await self._host.families(self._database)
        gauges = {"queue_waiting": ("Photos in the queue.", self._queue.waiting),
                  "queue_longest_wait_seconds": ("How long the one has waited who waits longest.", self._queue.longest_wait_s), "queue_in_flight": ("Requests at the engine.", self._queue.in_flight),
                  "inbox_pending": ("Updates kept and not yet finished.", pending),
                  "engine_up": ("Whether the engine answers and serves the model.", int(ready)),
                  "start_time_seconds": ("When the bot started, seconds since 1970.", self._started_at)}
        ratings = {(("model", model), ("value", str(value))): count for (model, value), count in rated.items() if model in shown}
        jokes = {(("model", name),): count for name, count in self._told.jokes.items() if name in shown}
        families = [family("info", "gauge", "The program's version.", {(("version", program_version()),): 1}),
                    family("jokes_total", "counter", "Jokes made, by model version.", jokes), histogram(self._told, shown), family("ratings", "gauge", "Ratings as they stand: 3 funny, 2 somewhat, 1 not at all.", ratings),
                    *(family(name, "gauge", text, {(): value}) for name, (text, value) in gauges.items()), *engine_families(self._servers),
                    *(family(*one) for one in more)]
        return web.Response(body="".join(families).encode(), headers={"Content-Type": CONTENT_TYPE})


def family(name: str, kind: str, text: str, samples: Samples) -> str:
    """A metric with its samples."""
    return head(name, kind, text) + "".join(sample(name, labels, value) for labels, value in samples.items())


def histogram(told: Told, shown: Collection[str]) -> str:
    """The latency's histogram, a set of buckets for each model version that is shown."""
    name = "joke_latency_seconds"
    lines = [head(name, "histogram", "From the request to the engine to its last word.")]
    for model, jokes in ((name, count) for name, count in told.jokes.items() if name in shown):
        label = ("model", model)
        for bound, count in zip((*map(str, told.bounds), "+Inf"), (*told.within[model], jokes), strict=True):
            lines.append(sample(f"{name}_bucket", (label, ("le", bound)), count))
        lines += [sample(f"{name}_sum", (label,), told.seconds[model]), sample(f"{name}_count", (label,), jokes)]
    return "".join(lines)


def engine_families(servers: Servers) -> list[str]:
    """Servers by model and state, how often they were started again, each version's share of the deliveries, and a pause."""
    counts, restarts, shares = Counter[tuple[str, str]](), Counter[str](), Counter[str]()
    for server in servers.status():
        counts[server.model, server.state] += 1
        restarts[server.model] += server.restarts
    shares[servers.router.champion.model.name] = 1 - servers.router.share
    if servers.router.canary:
        shares[servers.router.canary.model.name] = servers.router.share
    return [family("servers", "gauge", "Servers, by model version and state.", {(("model", model), ("state", state)): count for (model, state), count in counts.items()}),
            family("server_restarts", "gauge", "How often the servers there are were started again after a failure.", {(("model", model),): count for model, count in restarts.items()}),
            family("model_share", "gauge", "Share of the deliveries, by model version.", {(("model", model),): share for model, share in shares.items()}),
            family("paused", "gauge", "Whether photos wait while the servers sleep.", {(): int(bool(servers.paused))})]


def head(name: str, kind: str, text: str) -> str:
    return f"# HELP jokebot_{name} {text}\n# TYPE jokebot_{name} {kind}\n"


def sample(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    shown = ",".join(f'{key}="{escaped(text)}"' for key, text in labels)
    return f"jokebot_{name}{f'{{{shown}}}' if shown else ''} {value}\n"


def escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
