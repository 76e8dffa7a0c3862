"""How everything is, a line each: short enough for a phone, 🟡 and 🔴 before what needs a look. Nothing here waits for long."""
import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bot import vitals
from bot.i18n.formatting import day_and_time, duration, size
from bot.parts import Parts
from bot.runtime.version import program_version
from storage import runs, schedule, trials
from storage.backup import Backup, backups

log = logging.getLogger(__name__)

FINE, LOOK, BAD = "🟢", "🟡", "🔴"
PATIENCE_S, READY_S = 8.0, 4.0
"""For one line, and for the engine's answer."""
LONG_WAIT_S, TOO_LONG_S = 60.0, 300.0
MANY_ERRORS = 20
HOUR_S, MINUTE_S = 3600.0, 60.0
LATE = 1.5
"""A backup that is so many times as old as the settings want needs a look."""
BESIDES = ("database", "webhook", "gpu")
"""Alerts that no line shows by itself."""

Line = tuple[str, str]
"""A light, and what is said beside it."""


class Status:
    """`text` asks all at the same time; a line that can't be had says so."""

    def __init__(self, parts: Parts, language: str) -> None:
        self._parts, self._language, self._settings = parts, language, parts.settings

    async def text(self) -> str:
        """The message: what is worst stands at its head."""
        looks = {"engine": self._engine, "queue": self._queue, "model": self._model, "gpu": self._gpu, "disk": self._disk, "backup": self._backup,
                 "run": self._run, "errors": self._errors}
        found = await asyncio.gather(*(self._line(name, look) for name, look in looks.items()))
        lines = [line for line in [*self._alerts(), *found] if line[1]]
        worst = next((light for light in (BAD, LOOK) if any(line[0] == light for line in lines)), FINE)
        up = duration(self._parts.words, self._language, time.time() - self._parts.started_at)
        return "\n".join([f"{worst} {self._say('status-title', version=program_version(), time=up)}", "", *(f"{light} {said}" for light, said in lines)])

    async def _line(self, name: str, look: Callable[[], Awaitable[Line]]) -> Line:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await look()
        except Exception as error:
            log.warning("the status of %s can't be told: %r", name, error)
            return LOOK, self._say("status-unknown", what=self._say(f"status-what-{name}"))

    def _alerts(self) -> list[Line]:
        """What else admins were alerted to and what lasts."""
        alerts = self._parts.alerts
        return [(BAD, alerts.text(alerts.lasting[what], self._language, ["began"]).removeprefix(BAD).strip())
                for what in BESIDES if alerts and what in alerts.lasting]

    async def _engine(self) -> Line:
        servers = self._parts.servers
        serving = {arm.model.id for arm in (servers.router.champion, servers.router.canary) if arm}
        ours = [one for one in servers.status() if one.state != "given" and (one.state != "asleep" or one.model_id in serving)]
        up = sum(one.state == "ready" for one in ours)
        try:
            async with asyncio.timeout(READY_S):
                ready = await servers.ready()
        except TimeoutError:
            ready = False
        state = "asleep" if servers.paused else "up" if ready else "down"
        light = LOOK if servers.paused or (ready and up < len(ours)) else FINE if ready else BAD
        says = next((one.says for one in ours if one.says and one.state != "ready"), "")
        return light, self._say("status-engine", state=state, up=up, all=len(ours), says=says or "none")

    async def _queue(self) -> Line:
        queue = self._parts.joker.queue
        wait = queue.longest_wait_s
        light = BAD if wait > TOO_LONG_S else LOOK if wait > LONG_WAIT_S else FINE
        time_said = self._say("status-seconds", seconds=round(wait)) if wait < 2 * MINUTE_S else self._duration(wait)
        return light, self._say("status-queue", waiting=queue.waiting, working=queue.in_flight, time=time_said)

    async def _model(self) -> Line:
        router = self._parts.servers.router
        canary = router.canary
        said = self._say("status-model", model=router.champion.model.id, called=router.champion.model.name)
        return FINE, said + (self._say("status-canary", model=canary.model.id, called=canary.model.name, share=round(100 * router.share)) if canary else "")

    async def _gpu(self) -> Line:
        """Nothing where the host has no driver."""
        found = await vitals.cards()
        if found is None:
            return FINE, ""
        said = [self._say("status-gpu", card=one.name.removeprefix("NVIDIA "), used=round(one.used_gb), all=round(one.all_gb)) for one in found]
        return (FINE, "\n".join([said[0], *(f"{FINE} {one}" for one in said[1:])])) if said else (BAD, self._say("status-gpu-gone"))

    async def _disk(self) -> Line:
        storage = self._settings.storage
        free = await asyncio.to_thread(vitals.free_bytes, storage.directory)
        weight = await asyncio.to_thread(vitals.weigh, storage.directory)
        least = 1e9 * self._settings.alerts.disk_gb
        light = BAD if free < least else LOOK if free < 2 * least else FINE
        return light, self._say("status-disk", free=size(free), data=("" if weight.whole else "> ") + size(weight.bytes),
                                database=size(vitals.database_bytes(storage.database)))

    async def _backup(self) -> Line:
        every_h = self._settings.backup.every_h
        if not every_h:
            return LOOK, self._say("status-backup-off")
        there = await asyncio.to_thread(self._backups)
        newest = max((one.created_at for one in there if one.created_at <= time.time()), default=None)
        failed = bool(self._parts.alerts and "backup" in self._parts.alerts.lasting)
        if newest is None:
            young = time.time() - self._parts.started_at < HOUR_S
            return BAD if failed else FINE if young else LOOK, self._say("status-backup-none")
        late = time.time() - newest > LATE * every_h * HOUR_S
        return BAD if failed or late else FINE, self._say("status-backup", time=self._duration(time.time() - newest))

    def _backups(self) -> list[Backup]:
        return backups(self._settings.backup_folder)

    async def _run(self) -> Line:
        """The run under way or the last one, and when the next begins by itself."""
        database = self._parts.database
        last = next(iter(await runs.history(database, 1)), None)
        due = await schedule.due_at(database, "retrain") if self._settings.retrain.cron else None
        following = self._say("status-next", when=day_and_time(due) if due and due != float("inf") else "none")
        if last is None:
            return FINE, self._say("status-run-none", next=following)
        state = self._say(f"run-state-{last.state}")
        if last.finished:
            ago = self._duration(time.time() - (last.finished_at or time.time()))
            return LOOK if last.state == "failed" else FINE, self._say("status-run", run=last.id, what=state, time=ago, next=following)
        share = await self._share(last)
        return FINE, self._say("status-run-now", run=last.id, what=f"{state} · {share}" if share else state)

    async def _share(self, run: runs.Run) -> str:
        trial = await trials.trial_of_run(self._parts.database, run.id) if run.state == "canary" else None
        if trial:
            return self._say("run-ratings", done=await trials.trial_ratings(self._parts.database, trial), of=self._settings.canary.ratings)
        conductor = self._parts.conductor
        progress = await conductor.news.progress(run) if conductor else None
        return f"{100 * progress.share:.0f}%" if progress and progress.of else ""

    async def _errors(self) -> Line:
        count = self._parts.mistakes.recent()
        return BAD if count > MANY_ERRORS else LOOK if count else FINE, self._say("status-errors", count=count)

    def _duration(self, seconds: float) -> str:
        return duration(self._parts.words, self._language, seconds)

    def _say(self, name: str, **values: Any) -> str:
        return self._parts.words.say(self._language, name, **values)
