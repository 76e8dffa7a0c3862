"""Monitors a new champion: if its jokes are liked less than its predecessor's were, it is rolled back.

The monitoring begins with every promotion by a trial or an admin. Promotions are rows, so one just before a crash is
monitored too. It ends with the verdict, or with enough ratings of the new champion. The test is in
`regression_test.py`.
"""

import logging
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from bot.experiments import Observation
from bot.experiments.observations import make_observations
from bot.experiments.regression_test import RegressionResult, compare_with_predecessor
from bot.retraining.deployer import ModelDeployer
from bot.runtime.periodic import Periodic
from configs.learning import ChampionMonitorSettings as WatchSettings
from storage.database import Database
from storage.learning import promotion, trials
from storage.learning.models import RegistryError, get_model
from storage.learning.trials import MonitorRecord

if TYPE_CHECKING:  # the train environment, where benchmarks simulate the monitor, has no Telegram library
    from bot.messaging.admin_notifier import AdminNotifier

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 5.0
SECONDS_A_DAY = 86400.0
MONITORED_KINDS = ("canary", "admin")


class ChampionMonitor:
    """Its `job` monitors the champion as long as the bot runs."""

    def __init__(
        self, database: Database, deployer: ModelDeployer, notifier: "AdminNotifier", settings: WatchSettings
    ) -> None:
        self._database, self._deployer, self._notifier, self._settings = database, deployer, notifier, settings
        self._last_analysis = (0, -1)
        self._before: dict[int, list[Observation]] = {}
        """The predecessor's photos in the current monitoring, cached: they are many and never change."""

    def job(self) -> Periodic:
        """The job of `step`."""
        return Periodic("champion-monitor", POLL_INTERVAL_S, self.step)

    async def step(self) -> None:
        """Monitor the current champion, and notify admins of rollbacks."""
        watch = await self._current()
        if watch is not None:
            await self._analyse(watch)
        for fallen in await trials.list_unnotified_rollbacks(self._database):
            await self._notify(fallen)

    async def _current(self) -> MonitorRecord | None:
        """The monitoring of the champion: the open one, or a new one if the promotion has none yet."""
        latest = next(iter(await promotion.list_promotions(self._database, 1)), None)
        if latest and latest.kind == "watch" and (watch := await trials.get_open_monitor(self._database)):
            # The process was killed between the rollback and its record.
            await trials.end_monitoring(self._database, watch.id, "fell", {**watch.measured, "back": latest.model_id})
        if (
            latest is None
            or latest.replaced_id is None
            or latest.kind not in MONITORED_KINDS
            or not self._settings.ratings
        ):
            await trials.supersede_monitor(self._database)
            return None
        watch = await trials.get_monitor(self._database, latest.id)
        if watch is None:
            watch = await trials.begin_monitoring(
                self._database, latest.id, latest.model_id, latest.replaced_id, latest.at
            )
        return watch if watch and watch.ended_at is None else None

    async def _analyse(self, watch: MonitorRecord) -> None:
        """Analyse the ratings if there are new ones or the time is over, and act on the result."""
        ratings = await trials.count_model_ratings(self._database, watch.model_id, watch.began_at)
        over = time.time() - watch.began_at >= self._settings.days * SECONDS_A_DAY
        if self._last_analysis == (watch.id, ratings) and not over:
            return
        if watch.id not in self._before:
            since = watch.began_at - self._settings.days * SECONDS_A_DAY
            self._before = {
                watch.id: make_observations(
                    await trials.list_photo_ratings(self._database, watch.predecessor_id, since, before=watch.began_at)
                )
            }
        self._last_analysis = watch.id, ratings
        now = await trials.list_photo_ratings(self._database, watch.model_id, watch.began_at)
        result = compare_with_predecessor(
            self._before[watch.id], make_observations(now), self._settings.alpha, self._settings.ratings
        )
        if result.fell:
            self._last_analysis = (0, -1)  # a rollback that fails is tried again
            await self._roll_back(watch, result)
        elif result.ratings >= self._settings.ratings or over:
            log.info("model %d stays the champion after %d monitored ratings", watch.model_id, result.ratings)
            await trials.end_monitoring(self._database, watch.id, "kept", asdict(result))

    async def _roll_back(self, watch: MonitorRecord, result: RegressionResult) -> None:
        reason = (
            f"People like the jokes of model {watch.model_id} less: {result.now:.0%} over {result.photos} photos, "
            f"{result.before:.0%} before it."
        )
        await trials.record_monitor_measures(self._database, watch.id, asdict(result))
        try:
            change = await self._deployer.roll_back("watch", reason=reason)
        except RegistryError as error:
            log.error("%s It can't be rolled back: %s", reason, error)
            await trials.end_monitoring(self._database, watch.id, "kept", asdict(result))
            return
        log.warning("%s Model %d serves again.", reason, change.model.id)
        await trials.end_monitoring(self._database, watch.id, "fell", {**asdict(result), "back": change.model.id})

    async def _notify(self, watch: MonitorRecord) -> None:
        """Notify every admin of a rollback, once, also after a restart."""
        model, measured = await get_model(self._database, watch.model_id), watch.measured
        back = await get_model(self._database, measured["back"])
        notified = list(measured.get("told", ()))

        async def note(admin_id: int) -> None:
            notified.append(admin_id)
            await trials.record_monitor_measures(self._database, watch.id, {**measured, "told": notified})

        await self._notifier.notify(
            "watch-fell",
            except_for=list(notified),
            note=note,
            model=model.id,
            back=back.id,
            now=round(100 * measured["now"]),
            before=round(100 * measured["before"]),
        )
        await trials.mark_rollback_notified(self._database, watch.id)
