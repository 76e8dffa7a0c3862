"""Runs that nobody asks for: by the clock, and when enough new pairs have come together.

The clock is APScheduler's, through python-telegram-bot's JobQueue; what is due next is a row as well, so that a time
which passes while the bot is down is met once at its start.
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
from configs.settings import Settings
from storage.chat import schedule, stats
from storage.database import Database
from storage.learning import runs
from storage.learning.retrain_preview import PreviewError
from storage.learning.runs import RunInProgress

log = logging.getLogger(__name__)

NAME = "retrain"
PAIRS_EVERY_S, PAIRS_FIRST_S = 600.0, 120.0
"""How often new pairs are counted, where people have rated since."""
AGAIN_S = 1.0
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class RetrainScheduler:
    """`start` it once everything else runs; `begun` is called after it has queued a run."""

    def __init__(self, database: Database, settings: Settings, jobs: JobQueue[Any], begun: Callable[[], None]) -> None:
        self._database, self._settings, self._jobs, self._begun = database, settings, jobs, begun
        self._ratings = -1
        self._trigger: CronTrigger | None = None

    async def start(self) -> None:
        """Plan what is due, and catch up on what was missed. Raises SettingsError for times that don't exist."""
        retrain = self._settings.retrain
        self._trigger = trigger(retrain.cron) if retrain.cron else None
        for pause in backoff(AGAIN_S):
            if await self._caught_up():
                break
            await asyncio.sleep(pause)
        if self._trigger:
            self._jobs.run_custom(
                self.tick,
                {"trigger": self._trigger, "coalesce": True, "max_instances": 1, "misfire_grace_time": None},
                name=NAME,
            )
        if retrain.start_at_new_pairs:
            self._jobs.run_repeating(self.look, PAIRS_EVERY_S, first=PAIRS_FIRST_S, name="pairs")
        await self._jobs.start()

    async def _caught_up(self) -> bool:
        """Meet what was due while the bot was down, and plan what is due next.

        False where the database is locked just now.
        """
        try:
            if self._trigger is None:
                await schedule.delete_due_time(self._database, NAME)
                return True
            due = await schedule.get_due_time(self._database, NAME)
            if due is not None and due <= time.time():
                log.info("a run was due while the bot was down")
                await self.tick()
            else:
                await schedule.set_due_time(self._database, NAME, self._next())
        except sqlite3.Error as error:
            log.warning("what is due is planned later: %s", error)
            return False
        return True

    async def stop(self) -> None:
        """Begin no more runs."""
        await self._jobs.stop(wait=False)

    async def tick(self, context: Any = None) -> None:
        """The time has come: once, however many times were missed."""
        try:
            if await schedule.claim_due_job(self._database, NAME, self._next()):
                await self._begin("schedule")
        except sqlite3.Error as error:
            log.warning("a run that is due can't be begun: %s", error)

    async def look(self, context: Any = None) -> None:
        """Begin a run where there are enough new pairs that no run has had.

        Nothing is counted before somebody has rated.
        """
        try:
            ratings = (await stats.get_overall_stats(self._database)).ratings
            if ratings != self._ratings and await self._begin("pairs"):
                self._ratings = ratings
        except sqlite3.Error as error:
            log.warning("new pairs can't be counted: %s", error)

    async def _begin(self, why: str) -> bool:
        """Queue a run where there is enough to learn. False where that could not be looked at now."""
        if await runs.current_run(self._database):
            log.info("no run by %s: there is one already", why)
            return False
        try:
            found, retrain = await pipeline_process.look(self._settings), self._settings.retrain
            # What a run has had, and came to nothing, would come to nothing again.
            if found.new < retrain.min_pairs or found.fresh < (retrain.start_at_new_pairs if why == "pairs" else 1):
                log.info("no run by %s: %d new pairs, %d of them in no run so far", why, found.new, found.fresh)
                return True
            run = await runs.create_run(self._database, why)
        except (PreviewError, RunInProgress) as error:
            log.warning("no run by %s: %s", why, error)
            return False
        log.info("run %d begins by %s: %d new pairs", run.id, why, found.new)
        self._begun()
        return True

    def _next(self) -> float:
        """When it is due next, seconds since 1970."""
        assert self._trigger is not None
        found = self._trigger.get_next_fire_time(None, datetime.now(self._trigger.timezone))
        return found.timestamp() if found else float("inf")


def trigger(cron: str) -> CronTrigger:
    """The times of a cron line in this machine's time zone. Raises SettingsError."""
    minute, hour, day, month, weekday = cron.split()
    try:
        return CronTrigger(
            minute=minute, hour=hour, day=day, month=month, day_of_week=",".join(map(_weekdays, weekday.split(",")))
        )
    except ValueError as error:
        raise SettingsError(f"retrain.cron (JOKEBOT_RETRAIN_CRON) is no time: {cron!r}: {error}.") from error


def _weekdays(part: str) -> str:
    """Numbers as names: to cron 0 and 7 are Sunday, to APScheduler 0 is Monday
    (https://github.com/agronholm/apscheduler/issues/286).
    """
    days, _, step = part.partition("/")
    first, _, last = days.partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()):
        return part
    numbers = range(int(first), int(last or first) + 1, int(step or 1))
    if not numbers or numbers[-1] > 7:
        raise ValueError(f"{part!r} is no weekday")
    return ",".join(WEEKDAYS[number % 7] for number in numbers)
