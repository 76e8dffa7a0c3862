"""Fits the judge anew at night, after enough new ratings, and after a user was forgotten.

The fit is a process of the train environment, so it delays no joke. It records its result in the database; a killed
fit leaves the earlier judge.
"""

import logging
import time
from datetime import datetime, timedelta

from bot.jokes.judge_source import StoredJudgeSource
from bot.retraining.pipeline_process import train_environment
from bot.runtime.child_process import run_program
from bot.runtime.periodic import Periodic
from configs.host_environment import LocalTime
from configs.settings import Settings
from storage.database import Database
from storage.judge import erasure, registry

log = logging.getLogger(__name__)

START_S = 20.0
"""Before the first check whether a fit is due, to keep the start fast."""
FIT_TIMEOUT_S = 900.0
RETRY_S = 3600.0
"""After a fit that failed."""


class JudgeFitter:
    """Starts fits, and keeps `source`, the judge in service, up to date; `error` is why the last fit failed, or ""."""

    def __init__(self, database: Database, settings: Settings, source: StoredJudgeSource) -> None:
        self._database, self._settings, self.source = database, settings, source
        self._not_before = 0.0
        self.error = ""

    def job(self) -> Periodic:
        """The job of `step`."""
        return Periodic("judge", self._settings.judge.check_interval_s, self.step, first_after_s=START_S)

    async def step(self) -> None:
        """Put a waiting judge into service where a trial allows it, and fit a new one if that is due."""
        await self._update()
        if time.monotonic() >= self._not_before:
            if await self._is_due():
                await self._fit()
            await self._update()

    async def _update(self) -> None:
        await registry.serve_waiting_judge(self._database)
        await self.source.refresh()

    async def _is_due(self) -> bool:
        settings, newest = self._settings.judge, await registry.get_newest_judge(self._database)
        reactions = await registry.count_reactions(self._database)
        if reactions < settings.min_ratings:
            if newest and newest.stale:
                await erasure.retire_stale_judges(self._database, self._settings.storage.judges)
            return False
        if newest is None or newest.stale:
            return True
        changed = abs(reactions - newest.reactions)
        if settings.after_ratings and changed >= settings.after_ratings:
            return True
        return changed > 0 and newest.fitted_at < last_night(time.time(), settings.nightly_hour)

    async def _fit(self) -> None:
        """Run `jokebot judge fit` to its end."""
        self._not_before = time.monotonic() + RETRY_S
        command = [str(self._settings.environments.train_python), "-m", "bot", "judge", "fit"]
        try:
            program = await run_program(command, train_environment(self._settings), FIT_TIMEOUT_S)
        except TimeoutError:
            self.error = f"it took longer than {FIT_TIMEOUT_S:g} s"
        except OSError as error:
            self.error = f"{command[0]} can't be started ({error.strerror}); `make env-train` makes the environment"
        else:
            self.error = "" if program.code == 0 else program.last_error_line or f"it ended with code {program.code}"
        if self.error:
            log.warning("the judge was not fitted anew: %s", self.error)
        else:
            self._not_before = 0.0


def last_night(now: float, hour: int) -> float:
    """The latest time at which the local clock showed that full hour, seconds since 1970."""
    local = datetime.fromtimestamp(now, LocalTime())
    night = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (night if night <= local else night - timedelta(days=1)).timestamp()
