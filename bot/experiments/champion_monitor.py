"""The watch over a new champion: if its jokes are liked less than its predecessor's were, the predecessor takes over
again.

A watch begins with every promotion by a trial or by an admin, also one that happened just before a crash, because the
promotions are rows; it ends with the verdict, or when the new champion has been rated often enough. `fall.py` is the
test.
"""

import logging
import time
from dataclasses import asdict

from bot.experiments import Observation
from bot.experiments.rated_photos import observations
from bot.experiments.regression_test import RegressionResult, test_regression
from bot.messaging.admin_notifier import AdminNotifier
from bot.retraining.deployer import ModelDeployer
from bot.runtime.periodic import Periodic
from configs.learning import ChampionMonitorSettings as WatchSettings
from storage.database import Database
from storage.learning import promotion, trials
from storage.learning.models import RegistryError, get_model
from storage.learning.trials import MonitorRecord

log = logging.getLogger(__name__)

LOOK_S = 5.0
SECONDS_A_DAY = 86400.0
BEGUN_BY = ("canary", "admin")


class ChampionMonitor:
    """Its `job` watches, for as long as the bot runs."""

    def __init__(
        self, database: Database, service: ModelDeployer, notifier: AdminNotifier, settings: WatchSettings
    ) -> None:
        self._database, self._service, self._notifier, self._settings = database, service, notifier, settings
        self._seen = (0, -1)
        self._before: dict[int, list[Observation]] = {}
        """The predecessor's photos, of the watch that goes on: many, and always the same."""

    def job(self) -> Periodic:
        """`step`, again and again."""
        return Periodic("champion-monitor", LOOK_S, self.step)

    async def step(self) -> None:
        """Begin what is to be watched, look, and tell what is untold."""
        watch = await self._current()
        if watch is not None:
            await self._look(watch)
        for one in await trials.list_unnotified_rollbacks(self._database):
            await self._tell(one)

    async def _current(self) -> MonitorRecord | None:
        """The watch over the champion: one that is open, or a new one where a promotion has none yet."""
        latest = next(iter(await promotion.list_promotions(self._database, 1)), None)
        if latest and latest.kind == "watch" and (watch := await trials.get_open_monitor(self._database)):
            # The process was killed between the step back and the word about it.
            await trials.end_monitoring(self._database, watch.id, "fell", {**watch.measured, "back": latest.model_id})
        if latest is None or latest.replaced_id is None or latest.kind not in BEGUN_BY or not self._settings.ratings:
            await trials.supersede_monitor(self._database)
            return None
        watch = await trials.get_monitor(self._database, latest.id)
        if watch is None:
            watch = await trials.begin_monitoring(
                self._database, latest.id, latest.model_id, latest.replaced_id, latest.at
            )
        return watch if watch and watch.ended_at is None else None

    async def _look(self, watch: MonitorRecord) -> None:
        """One look, where somebody has rated since the last one, or the time is over."""
        ratings = await trials.count_model_ratings(self._database, watch.model_id, watch.began_at)
        over = time.time() - watch.began_at >= self._settings.days * SECONDS_A_DAY
        if self._seen == (watch.id, ratings) and not over:
            return
        if watch.id not in self._before:
            since = watch.began_at - self._settings.days * SECONDS_A_DAY
            self._before = {
                watch.id: observations(
                    await trials.list_photo_ratings(self._database, watch.predecessor_id, since, before=watch.began_at)
                )
            }
        self._seen = watch.id, ratings
        now = await trials.list_photo_ratings(self._database, watch.model_id, watch.began_at)
        seen = test_regression(self._before[watch.id], observations(now), self._settings.alpha, self._settings.ratings)
        if seen.fell:
            self._seen = (0, -1)  # a step back that fails is tried again
            await self._take_back(watch, seen)
        elif seen.ratings >= self._settings.ratings or over:
            log.info("model %d has been watched over %d ratings and stays", watch.model_id, seen.ratings)
            await trials.end_monitoring(self._database, watch.id, "kept", asdict(seen))

    async def _take_back(self, watch: MonitorRecord, seen: RegressionResult) -> None:
        reason = (
            f"People like the jokes of model {watch.model_id} less: {seen.now:.0%} over {seen.photos} photos, "
            f"{seen.before:.0%} before it."
        )
        await trials.record_monitor_measures(self._database, watch.id, asdict(seen))
        try:
            change = await self._service.roll_back("watch", reason=reason)
        except RegistryError as error:
            log.error("%s There is no way back: %s", reason, error)
            await trials.end_monitoring(self._database, watch.id, "kept", asdict(seen))
            return
        log.warning("%s Model %d serves again.", reason, change.model.id)
        await trials.end_monitoring(self._database, watch.id, "fell", {**asdict(seen), "back": change.model.id})

    async def _tell(self, watch: MonitorRecord) -> None:
        """Every admin hears of a step back, also after a restart."""
        model, seen = await get_model(self._database, watch.model_id), watch.measured
        back = await get_model(self._database, seen["back"])
        told = list(seen.get("told", ()))

        async def note(admin_id: int) -> None:
            told.append(admin_id)
            await trials.record_monitor_measures(self._database, watch.id, {**seen, "told": told})

        await self._notifier.notify(
            "watch-fell",
            except_for=list(told),
            note=note,
            model=model.id,
            back=back.id,
            now=round(100 * seen["now"]),
            before=round(100 * seen["before"]),
        )
        await trials.mark_rollback_notified(self._database, watch.id)
