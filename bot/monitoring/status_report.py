"""How everything is, a line each: short enough for a phone, 🟡 and 🔴 before what needs a look.

Nothing here waits for long.
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
from bot.retraining.run_progress import RunProgressReader
from configs import __version__
from configs.settings import Settings
from storage.chat import schedule
from storage.database import Database
from storage.learning import runs, trials
from storage.maintenance.backup import BackupInfo, backups

log = logging.getLogger(__name__)

FINE, LOOK, BAD = "🟢", "🟡", "🔴"
PATIENCE_S, READY_S = 8.0, 4.0
"""For one line, and for the engine's answer."""
LONG_WAIT_S, TOO_LONG_S = 60.0, 300.0
MANY_ERRORS = 20
HOUR_S, MINUTE_S = 3600.0, 60.0
LATE = 1.5
"""A backup that is so many times as old as the settings want needs a look."""
BESIDES = ("database", "webhook", "gpu", "job")
"""Alerts that no line shows by itself, by kind."""

Line = tuple[str, str]
"""A light, and what is said beside it."""


class StatusReport:
    """`text` asks all at the same time; a line that can't be had says so.

    The bot was started at `started_at` (seconds since 1970).
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        servers: ModelServers,
        queue: FairQueue,
        translator: Translator,
        alerts: AlertManager,
        mistakes: ErrorCounter,
        progress: RunProgressReader,
        started_at: float,
    ) -> None:
        self._settings, self._database, self._servers, self._photo_queue = settings, database, servers, queue
        self._translator, self._alerts, self._mistakes, self._progress = translator, alerts, mistakes, progress
        self._started_at = started_at

    async def text(self, language: str) -> str:
        """The message: what is worst stands at its head."""
        say = Localizer(self._translator, language)
        looks = {
            "engine": self._engine,
            "queue": self._queue,
            "model": self._model,
            "gpu": self._gpu,
            "disk": self._disk,
            "backup": self._backup,
            "run": self._run,
            "errors": self._errors,
        }
        found = await asyncio.gather(*(self._line(say, name, look) for name, look in looks.items()))
        lines = [line for line in [*self._lasting_alerts(say), *found] if line[1]]
        worst = next((light for light in (BAD, LOOK) if any(line[0] == light for line in lines)), FINE)
        up = say.duration(time.time() - self._started_at)
        return "\n".join(
            [
                f"{worst} {say('status-title', version=__version__, time=up)}",
                "",
                *(f"{light} {said}" for light, said in lines),
            ]
        )

    async def _line(self, say: Localizer, name: str, look: Callable[[Localizer], Awaitable[Line]]) -> Line:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await look(say)
        except Exception as error:  # noqa: BLE001  the other lines of /status are still shown
            log.warning("the status of %s can't be told: %r", name, error)
            return LOOK, say("status-unknown", what=say(f"status-what-{name}"))

    def _lasting_alerts(self, say: Localizer) -> list[Line]:
        """What else admins were alerted to and what lasts."""
        lasting = self._alerts.lasting
        return [
            (BAD, self._alerts.text(lasting[what], say, ["began"]).removeprefix(BAD).strip())
            for kind in BESIDES
            for what in lasting
            if what.partition(":")[0] == kind
        ]

    async def _engine(self, say: Localizer) -> Line:
        servers = self._servers
        serving = {arm.model.id for arm in (servers.router.champion, servers.router.canary) if arm}
        ours = [
            one
            for one in servers.status()
            if one.state != "given" and (one.state != "asleep" or one.model_id in serving)
        ]
        up = sum(one.state == "ready" for one in ours)
        try:
            async with asyncio.timeout(READY_S):
                ready = await servers.ready()
        except TimeoutError:
            ready = False
        state = "asleep" if servers.paused else "up" if ready else "down"
        light = LOOK if servers.paused or (ready and up < len(ours)) else FINE if ready else BAD
        says = next((one.says for one in ours if one.says and one.state != "ready"), "")
        return light, say("status-engine", state=state, up=up, all=len(ours), says=says or "none")

    async def _queue(self, say: Localizer) -> Line:
        queue = self._photo_queue
        wait = queue.longest_wait_s
        light = BAD if wait > TOO_LONG_S else LOOK if wait > LONG_WAIT_S else FINE
        time_said = say("status-seconds", seconds=round(wait)) if wait < 2 * MINUTE_S else say.duration(wait)
        return light, say("status-queue", waiting=queue.waiting, working=queue.in_flight, time=time_said)

    async def _model(self, say: Localizer) -> Line:
        router = self._servers.router
        canary = router.canary
        said = say("status-model", model=router.champion.model.id, called=router.champion.model.name)
        return FINE, said + (
            say("status-canary", model=canary.model.id, called=canary.model.name, share=round(100 * router.share))
            if canary
            else ""
        )

    async def _gpu(self, say: Localizer) -> Line:
        """Nothing where the host has no driver."""
        found = await host_stats.list_gpus()
        if found is None:
            return FINE, ""
        said = [
            say("status-gpu", card=one.name.removeprefix("NVIDIA "), used=round(one.used_gb), all=round(one.all_gb))
            for one in found
        ]
        return (
            (FINE, "\n".join([said[0], *(f"{FINE} {one}" for one in said[1:])]))
            if said
            else (BAD, say("status-gpu-gone"))
        )

    async def _disk(self, say: Localizer) -> Line:
        storage = self._settings.storage
        free = await asyncio.to_thread(host_stats.free_disk_bytes, storage.directory)
        weight = await asyncio.to_thread(host_stats.folder_size, storage.directory)
        least = 1e9 * self._settings.alerts.disk_gb
        light = BAD if free < least else LOOK if free < 2 * least else FINE
        return light, say(
            "status-disk",
            free=size(free),
            data=("" if weight.whole else "> ") + size(weight.bytes),
            database=size(host_stats.database_bytes(storage.database)),
        )

    async def _backup(self, say: Localizer) -> Line:
        every_h = self._settings.backup.every_h
        if not every_h:
            return LOOK, say("status-backup-off")
        there = await asyncio.to_thread(self._backups)
        newest = max((one.created_at for one in there if one.created_at <= time.time()), default=None)
        failed = "backup" in self._alerts.lasting
        if newest is None:
            young = time.time() - self._started_at < HOUR_S
            return BAD if failed else FINE if young else LOOK, say("status-backup-none")
        late = time.time() - newest > LATE * every_h * HOUR_S
        return BAD if failed or late else FINE, say("status-backup", time=say.duration(time.time() - newest))

    def _backups(self) -> list[BackupInfo]:
        return backups(self._settings.backup_folder)

    async def _run(self, say: Localizer) -> Line:
        """The run under way or the last one, and when the next begins by itself."""
        database = self._database
        last = next(iter(await runs.history(database, 1)), None)
        due = await schedule.due_at(database, "retrain") if self._settings.retrain.cron else None
        following = say("status-next", when=day_and_time(due) if due and due != float("inf") else "none")
        if last is None:
            return FINE, say("status-run-none", next=following)
        state = say(f"run-state-{last.state}")
        if last.finished:
            ago = say.duration(time.time() - (last.finished_at or time.time()))
            return LOOK if last.state == "failed" else FINE, say(
                "status-run", run=last.id, what=state, time=ago, next=following
            )
        share = await self._share(say, last)
        return FINE, say("status-run-now", run=last.id, what=f"{state} · {share}" if share else state)

    async def _share(self, say: Localizer, run: runs.Run) -> str:
        trial = await trials.trial_of_run(self._database, run.id) if run.state == "canary" else None
        if trial:
            return say(
                "run-ratings", done=await trials.trial_ratings(self._database, trial), of=self._settings.canary.ratings
            )
        progress = await self._progress.read(run)
        return f"{100 * progress.share:.0f}%" if progress.of else ""

    async def _errors(self, say: Localizer) -> Line:
        count = self._mistakes.recent()
        return BAD if count > MANY_ERRORS else LOOK if count else FINE, say("status-errors", count=count)
