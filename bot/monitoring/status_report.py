"""The status report of /status: one line for each part of the bot, with 🟡 or 🔴 before a part with a problem.

Every line has a time limit.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from bot.engine.fair_queue import FairQueue
from bot.engine.servers.base import ModelServers
from bot.i18n.formatting import day_and_time, size
from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from bot.monitoring import host_stats
from bot.monitoring.alerts import AlertManager
from bot.monitoring.error_counter import ErrorCounter
from bot.retraining.judge_fitting import JudgeFitter
from bot.retraining.run_progress import RunProgressReader
from configs import __version__
from configs.settings import Settings
from storage.chat import schedule
from storage.database import Database
from storage.judge.registry import get_serving_judge
from storage.learning import runs, trials
from storage.maintenance.backup import BackupInfo, list_backups

log = logging.getLogger(__name__)

OK, WARNING, BAD = "🟢", "🟡", "🔴"
LINE_TIMEOUT_S, READY_TIMEOUT_S = 8.0, 4.0
WARNING_WAIT_S, BAD_WAIT_S = 60.0, 300.0
BAD_ERROR_COUNT = 20
HOUR_S, MINUTE_S = 3600.0, 60.0
LATE_FACTOR = 1.5
"""A backup is late at this multiple of the interval in the settings."""
EXTRA_ALERTS = ("database", "webhook", "gpu", "job")
"""The kinds of alerts whose state no other line shows."""

StatusLine = tuple[str, str]
"""A light and a text."""


class StatusReport:
    """`text` makes all lines at the same time; a line that fails says so.

    `started_at` is the start of the bot, in seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        servers: ModelServers,
        queue: FairQueue,
        translator: Translator,
        alerts: AlertManager,
        error_counter: ErrorCounter,
        progress: RunProgressReader,
        fitter: JudgeFitter,
        started_at: float,
    ) -> None:
        self._settings, self._database, self._servers, self._photo_queue = settings, database, servers, queue
        self._translator, self._alerts, self._error_counter, self._progress = (
            translator,
            alerts,
            error_counter,
            progress,
        )
        self._fitter, self._started_at = fitter, started_at

    async def text(self, language: str) -> str:
        """The message; its title has the worst light of all lines."""
        localize = Localizer(self._translator, language)
        parts = {
            "engine": self._engine,
            "queue": self._queue,
            "model": self._model,
            "gpu": self._gpu,
            "disk": self._disk,
            "backup": self._backup,
            "run": self._run,
            "judge": self._judge,
            "errors": self._errors,
        }
        part_lines = await asyncio.gather(*(self._line(localize, name, make) for name, make in parts.items()))
        lines = [line for line in [*self._lasting_alerts(localize), *part_lines] if line[1]]
        worst = next((light for light in (BAD, WARNING) if any(line[0] == light for line in lines)), OK)
        up = localize.duration(time.time() - self._started_at)
        return "\n".join(
            [
                f"{worst} {localize('status-title', version=__version__, time=up)}",
                "",
                *(f"{light} {text}" for light, text in lines),
            ]
        )

    async def _line(
        self, localize: Localizer, name: str, make: Callable[[Localizer], Awaitable[StatusLine]]
    ) -> StatusLine:
        try:
            async with asyncio.timeout(LINE_TIMEOUT_S):
                return await make(localize)
        except Exception as error:  # noqa: BLE001  the other lines of /status are still shown
            log.warning("the status of %s is unknown: %r", name, error)
            return WARNING, localize("status-unknown", what=localize(f"status-what-{name}"))

    def _lasting_alerts(self, localize: Localizer) -> list[StatusLine]:
        """The open alerts whose state no other line shows."""
        lasting = self._alerts.lasting
        return [
            (BAD, self._alerts.format(lasting[name], localize, ["began"]).removeprefix(BAD).strip())
            for kind in EXTRA_ALERTS
            for name in lasting
            if name.partition(":")[0] == kind
        ]

    async def _engine(self, localize: Localizer) -> StatusLine:
        servers = self._servers
        serving = {arm.model.id for arm in (servers.router.champion, servers.router.canary) if arm}
        own_servers = [
            server
            for server in servers.status()
            if server.state != "given" and (server.state != "asleep" or server.model_id in serving)
        ]
        up = sum(server.state == "ready" for server in own_servers)
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                ready = await servers.ready()
        except TimeoutError:
            ready = False
        state = "asleep" if servers.paused else "up" if ready else "down"
        light = WARNING if servers.paused or (ready and up < len(own_servers)) else OK if ready else BAD
        details = next((server.details for server in own_servers if server.details and server.state != "ready"), "")
        return light, localize("status-engine", state=state, up=up, all=len(own_servers), says=details or "none")

    async def _queue(self, localize: Localizer) -> StatusLine:
        queue = self._photo_queue
        wait = queue.longest_wait_s
        light = BAD if wait > BAD_WAIT_S else WARNING if wait > WARNING_WAIT_S else OK
        time_text = localize("status-seconds", seconds=round(wait)) if wait < 2 * MINUTE_S else localize.duration(wait)
        return light, localize("status-queue", waiting=queue.waiting, working=queue.in_flight, time=time_text)

    async def _model(self, localize: Localizer) -> StatusLine:
        router = self._servers.router
        canary = router.canary
        trial = await trials.get_open_trial(self._database) if canary else None
        name = "status-predecessor" if trial and trial.watch_id else "status-canary"
        text = localize("status-model", model=router.champion.model.id, called=router.champion.model.name)
        return OK, text + (
            localize(name, model=canary.model.id, called=canary.model.name, share=round(100 * router.share))
            if canary
            else ""
        )

    async def _gpu(self, localize: Localizer) -> StatusLine:
        """A line for each GPU; an empty text if the host has no driver."""
        gpus = await host_stats.list_gpus()
        if gpus is None:
            return OK, ""
        if not gpus:
            return BAD, localize("status-gpu-gone")
        texts = [
            localize(
                "status-gpu", card=gpu.name.removeprefix("NVIDIA "), used=round(gpu.used_gb), all=round(gpu.all_gb)
            )
            for gpu in gpus
        ]
        return OK, f"\n{OK} ".join(texts)

    async def _disk(self, localize: Localizer) -> StatusLine:
        storage = self._settings.storage
        free = await asyncio.to_thread(host_stats.free_disk_bytes, storage.directory)
        used = await asyncio.to_thread(host_stats.folder_size, storage.directory)
        limit = 1e9 * self._settings.alerts.disk_gb
        light = BAD if free < limit else WARNING if free < 2 * limit else OK
        return light, localize(
            "status-disk",
            free=size(free),
            data=("" if used.complete else "> ") + size(used.bytes),
            database=size(host_stats.database_bytes(storage.database)),
        )

    async def _backup(self, localize: Localizer) -> StatusLine:
        every_h = self._settings.backup.every_h
        if not every_h:
            return WARNING, localize("status-backup-off")
        times = [backup.created_at for backup in await asyncio.to_thread(self._backups)]
        newest = max((made_at for made_at in times if made_at <= time.time()), default=None)
        failed = "backup" in self._alerts.lasting
        if newest is None:
            young = time.time() - self._started_at < HOUR_S
            return BAD if failed else OK if young else WARNING, localize("status-backup-none")
        late = time.time() - newest > LATE_FACTOR * every_h * HOUR_S
        return BAD if failed or late else OK, localize("status-backup", time=localize.duration(time.time() - newest))

    def _backups(self) -> list[BackupInfo]:
        return list_backups(self._settings.backup_folder)

    async def _run(self, localize: Localizer) -> StatusLine:
        """The current or the last run, and when the next scheduled one begins."""
        database = self._database
        last = next(iter(await runs.list_runs(database, 1)), None)
        due = await schedule.get_due_time(database, "retrain") if self._settings.retrain.cron else None
        following = localize("status-next", when=day_and_time(due) if due and due != float("inf") else "none")
        if last is None:
            return OK, localize("status-run-none", next=following)
        state = localize(f"run-state-{last.state}")
        if last.finished:
            ago = localize.duration(time.time() - (last.finished_at or time.time()))
            return WARNING if last.state == "failed" else OK, localize(
                "status-run", run=last.id, what=state, time=ago, next=following
            )
        share = await self._share(localize, last)
        return OK, localize("status-run-now", run=last.id, what=f"{state} · {share}" if share else state)

    async def _share(self, localize: Localizer, run: runs.Run) -> str:
        trial = await trials.get_trial_of_run(self._database, run.id) if run.state == "canary" else None
        if trial:
            return localize(
                "run-ratings",
                done=await trials.count_trial_ratings(self._database, trial),
                of=self._settings.canary.max_ratings,
            )
        progress = await self._progress.read(run)
        return f"{100 * progress.share:.0f}%" if progress.total else ""

    async def _judge(self, localize: Localizer) -> StatusLine:
        """The age and accuracy of the judge in service, and why the last fit failed."""
        record = await get_serving_judge(self._database)
        if record is None:
            text = localize("status-judge-none", ratings=self._settings.judge.min_ratings)
        else:
            measures = record.measured
            text = localize(
                "status-judge",
                time=localize.duration(time.time() - record.fitted_at),
                ratings=measures["ratings"],
                right=round(100 * measures["pair_accuracy"]),
                low=round(100 * measures["pair_accuracy_bound"]),
                used="yes" if record.usable else "no",
            )
        if self._fitter.error:
            return WARNING, f"{text} {localize('status-judge-failed', reason=self._fitter.error)}"
        return OK, text

    async def _errors(self, localize: Localizer) -> StatusLine:
        count = self._error_counter.count_recent()
        return BAD if count > BAD_ERROR_COUNT else WARNING if count else OK, localize("status-errors", count=count)
