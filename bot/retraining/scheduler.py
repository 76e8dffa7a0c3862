"""Starts runs by a schedule, and when there are enough new pairs.

The schedule uses APScheduler through python-telegram-bot's JobQueue. The next time is also a row in the database, so
that a time that passes while the bot is down is caught up once at its start.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from apscheduler.triggers.cron import CronTrigger
from telegram.ext import JobQueue

from bot.retraining import pipeline_process
from bot.runtime.backoff import backoff
from configs.errors import SettingsError
from configs.host_environment import LocalTime
from configs.learning import RetrainSettings
from configs.settings import Settings
from storage.chat import schedule, stats
from storage.database import Database
from storage.learning import runs
from storage.learning.retrain_preview import PreviewError, RetrainPreview
from storage.learning.runs import RunInProgress

log = logging.getLogger(__name__)

NAME = "retrain"
PAIRS_INTERVAL_S, PAIRS_FIRST_S = 600.0, 120.0
"""Between two counts of new pairs, and before the first. Pairs are counted only if there are new ratings."""
RETRY_DELAY_S = 1.0
MIN_FRESH = 0.25
"""Share of the new pairs that must be in no run so far: the pairs have grown by a third since an unsuccessful run."""
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class RetrainScheduler:
    """`start` it once everything else runs; `on_queued` is called after it has queued a run."""

    def __init__(
        self, database: Database, settings: Settings, jobs: JobQueue[Any], on_queued: Callable[[], None]
    ) -> None:
        self._database, self._settings, self._jobs, self._on_queued = database, settings, jobs, on_queued
        self._ratings = -1
        self._trigger: CronTrigger | None = None

    async def start(self) -> None:
        """Schedule the next run, and catch up on a missed one. Raises SettingsError for an invalid cron line."""
        retrain = self._settings.retrain
        self._trigger = parse_cron(retrain.cron) if retrain.cron else None
        for pause in backoff(RETRY_DELAY_S):
            if await self._catch_up():
                break
            await asyncio.sleep(pause)
        if self._trigger:
            self._jobs.run_custom(
                self.run_due,
                {"trigger": self._trigger, "coalesce": True, "max_instances": 1, "misfire_grace_time": None},
                name=NAME,
            )
        if retrain.start_at_new_pairs:
            self._jobs.run_repeating(self.check_new_pairs, PAIRS_INTERVAL_S, first=PAIRS_FIRST_S, name="pairs")
        await self._jobs.start()

    async def _catch_up(self) -> bool:
        """Queue a run that was due while the bot was down, and schedule the next one.

        False if the database is locked at the moment.
        """
        try:
            if self._trigger is None:
                await schedule.delete_due_time(self._database, NAME)
                return True
            due = await schedule.get_due_time(self._database, NAME)
            if due is not None and due <= time.time():
                log.info("a run was due while the bot was down")
                await self.run_due()
            else:
                await schedule.set_due_time(self._database, NAME, self._next_due_at())
        except sqlite3.Error as error:
            log.warning("the next run is scheduled later: %s", error)
            return False
        return True

    async def stop(self) -> None:
        """Start no more runs."""
        await self._jobs.stop(wait=False)

    async def run_due(self, context: Any = None) -> None:
        """Queue a run at the scheduled time: one, however many times were missed."""
        try:
            if await schedule.claim_due_job(self._database, NAME, self._next_due_at()):
                await self._queue_run("schedule")
        except sqlite3.Error as error:
            log.warning("a scheduled run can't be queued: %s", error)

    async def check_new_pairs(self, context: Any = None) -> None:
        """Queue a run if there are enough new pairs that no run has used. Without new ratings nothing is counted."""
        try:
            ratings = (await stats.get_overall_stats(self._database)).ratings
            if ratings != self._ratings and await self._queue_run("pairs"):
                self._ratings = ratings
        except sqlite3.Error as error:
            log.warning("new pairs can't be counted: %s", error)

    async def _queue_run(self, started_by: str) -> bool:
        """Queue a run if there is enough training data. False if that could not be determined now."""
        if await runs.current_run(self._database):
            log.info("no run by %s: another run is in progress", started_by)
            return False
        try:
            preview, retrain = await pipeline_process.preview_retraining(self._settings), self._settings.retrain
            if not is_run_due(preview, retrain, started_by):
                log.info(
                    "no run by %s: %d new pairs, %d of them in no run so far", started_by, preview.new, preview.fresh
                )
                return True
            run = await runs.create_run(self._database, started_by)
        except (PreviewError, RunInProgress) as error:
            log.warning("no run by %s: %s", started_by, error)
            return False
        log.info("run %d queued by %s: %d new pairs", run.id, started_by, preview.new)
        self._on_queued()
        return True

    def _next_due_at(self) -> float:
        """The next scheduled time, seconds since 1970; infinity if there is none."""
        assert self._trigger is not None
        next_time = self._trigger.get_next_fire_time(None, datetime.now(self._trigger.timezone))
        return next_time.timestamp() if next_time else float("inf")


def is_run_due(preview: RetrainPreview, settings: RetrainSettings, started_by: str) -> bool:
    """Whether there are enough pairs for a run by the schedule, or for one by their number (`started_by` "pairs").

    A model that learnt from few pairs is so little better that its trial would hardly find it, and the trial would keep
    a later, better model waiting. A run on the pairs of an unsuccessful one would be unsuccessful again.
    """
    if preview.new < settings.min_pairs:
        return False
    if started_by == "pairs":
        return preview.fresh >= settings.start_at_new_pairs
    return preview.new >= settings.schedule_min_pairs and preview.fresh >= max(1.0, MIN_FRESH * preview.new)


def parse_cron(cron: str) -> CronTrigger:
    """The times of a cron line in this machine's time zone. Raises SettingsError."""
    minute, hour, day, month, weekday = cron.split()
    try:
        return CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=",".join(map(_weekdays, weekday.split(","))),
            timezone=LocalTime(),
        )
    except ValueError as error:
        raise SettingsError(f"retrain.cron (JOKEBOT_RETRAIN_CRON) is no valid cron line: {cron!r}: {error}.") from error


def _weekdays(part: str) -> str:
    """Weekday numbers as names. In cron 0 and 7 are Sunday, in APScheduler 0 is Monday.

    See https://github.com/agronholm/apscheduler/issues/286.
    """
    days, _, step = part.partition("/")
    first, _, last = days.partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()):
        return part
    numbers = range(int(first), int(last or first) + 1, int(step or 1))
    if not numbers or numbers[-1] > 7:
        raise ValueError(f"{part!r} is no weekday")
    return ",".join(WEEKDAYS[number % 7] for number in numbers)
