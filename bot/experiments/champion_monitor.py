"""Monitors a new champion: if users like its jokes less than its predecessor's, it is rolled back.

The monitoring begins with every promotion by a trial or an admin. Promotions are rows, so one just before a crash is
monitored too. Where the new champion is liked less than its predecessor was before (`suspicion.py`), a randomised trial
of the predecessor decides (`predecessor_trial.py`). The monitoring ends with that verdict, or with enough ratings.
"""

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING

from bot.engine.servers.base import NoCapacity
from bot.experiments.predecessor_trial import PredecessorTrial
from bot.experiments.trial_design import SECONDS_A_DAY, TrialAnswer, TrialDecision
from bot.experiments.watch_comparison import COMPARED_DAYS, LikingComparison, compare_likings
from bot.retraining.deployer import ModelDeployer
from bot.runtime.periodic import Periodic
from configs.trials import ChampionMonitorSettings as WatchSettings
from storage.database import Database
from storage.learning import champion_watches, promotion, trial_evidence, trials
from storage.learning.champion_watches import MonitorRecord
from storage.learning.models import RegistryError, get_model
from storage.learning.trial_evidence import RatedJoke

if TYPE_CHECKING:  # the train environment, where benchmarks simulate the monitor, has no Telegram library
    from bot.messaging.admin_notifier import AdminNotifier

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 5.0
MONITORED_KINDS = ("canary", "admin")
"""Causes of a promotion after which the champion is monitored."""


class ChampionMonitor:
    """Its `job` monitors the champion as long as the bot runs."""

    def __init__(
        self,
        database: Database,
        deployer: ModelDeployer,
        notifier: "AdminNotifier",
        settings: WatchSettings,
        trial: PredecessorTrial,
    ) -> None:
        self._database, self._deployer, self._notifier, self._settings = database, deployer, notifier, settings
        self._trial = trial
        self._last_analysis = (0, -1)
        self._before: dict[int, list[RatedJoke]] = {}
        """The predecessor's ratings in the current monitoring, cached: they are many and never change."""

    def job(self) -> Periodic:
        """The job of `step`."""
        return Periodic("champion-monitor", POLL_INTERVAL_S, self.step)

    async def step(self) -> None:
        """Monitor the current champion, and notify admins of rollbacks."""
        watch = await self._current()
        await self._trial.end_abandoned()
        if watch is not None:
            await (self._test(watch) if watch.suspicion else self._compare(watch))
        for ended in await champion_watches.list_unnotified(self._database):
            await self._notify(ended)

    async def _current(self) -> MonitorRecord | None:
        """The monitoring of the champion: the open one, or a new one if the promotion has none yet."""
        latest = next(iter(await promotion.list_promotions(self._database, 1)), None)
        if latest and latest.kind == "watch" and (watch := await champion_watches.get_open_monitor(self._database)):
            # The process was killed between the rollback and its record.
            measures = {**watch.measured, "back": latest.model_id}
            await self._end_trial(watch, "promoted")
            await champion_watches.end_monitoring(self._database, watch.id, "fell", measures)
        if (
            latest is None
            or latest.replaced_id is None
            or latest.kind not in MONITORED_KINDS
            or not self._settings.ratings
        ):
            await champion_watches.supersede_monitor(self._database)
            return None
        watch = await champion_watches.get_monitor(self._database, latest.id)
        if watch is None:
            watch = await champion_watches.begin_monitoring(
                self._database, latest.id, latest.model_id, latest.replaced_id, latest.at
            )
        return watch if watch and watch.ended_at is None else None

    async def _compare(self, watch: MonitorRecord) -> None:
        """Compare with the time before if there are new ratings, and end the monitoring when its time is over."""
        ratings = await trial_evidence.count_model_ratings(self._database, watch.model_id, watch.began_at)
        over = time.time() - watch.began_at >= self._settings.days * SECONDS_A_DAY
        if self._last_analysis == (watch.id, ratings) and not over:
            return
        self._last_analysis = watch.id, ratings
        result = await self._likings(watch)
        if result.suspect and not over:
            log.info("model %d seems to be liked less than model %d was", watch.model_id, watch.predecessor_id)
            await champion_watches.record_suspicion(self._database, watch.id, result.measures())
        elif ratings >= self._settings.ratings or over:
            log.info("model %d stays the champion after %d monitored ratings", watch.model_id, ratings)
            await champion_watches.end_monitoring(self._database, watch.id, "kept", result.measures())

    async def _likings(self, watch: MonitorRecord) -> LikingComparison:
        """The likings of the predecessor, in its last days, and of the new champion."""
        database, old, new = self._database, watch.predecessor_id, watch.model_id
        if watch.id not in self._before:
            since = watch.began_at - COMPARED_DAYS * SECONDS_A_DAY
            before = await trial_evidence.list_rated_jokes(database, (old, old), since, before=watch.began_at)
            self._before = {watch.id: before}
        now = await trial_evidence.list_rated_jokes(database, (new, new), watch.began_at)
        return await asyncio.to_thread(compare_likings, self._before[watch.id], now)

    async def _test(self, watch: MonitorRecord) -> None:
        """Continue the trial of the predecessor, and act on its verdict."""
        try:
            decision = await self._trial.step(watch)
        except RegistryError as error:
            if error.code == "in-service":  # An admin has just gone back to it: the next step ends the watch.
                return
            log.warning("model %d can't be compared with its predecessor: %s", watch.model_id, error)
            await self._keep(watch, {**json.loads(watch.suspicion), "error": str(error)})
            return
        except NoCapacity as error:
            log.warning("model %d can't be compared with its predecessor: %s", watch.model_id, error)
            await self._keep(watch, {**json.loads(watch.suspicion), "untested": True})
            return
        if decision is None:
            return
        if decision.answer is TrialAnswer.PROMOTE:
            await self._roll_back(watch, decision)
        else:
            log.info("model %d stays the champion: its predecessor isn't better", watch.model_id)
            await self._end_trial(watch, "rejected" if decision.answer is TrialAnswer.HARMFUL else "undecided")
            await self._keep(watch, likings_of(decision))

    async def _keep(self, watch: MonitorRecord, measures: dict[str, object]) -> None:
        await champion_watches.end_monitoring(self._database, watch.id, "kept", measures)

    async def _end_trial(self, watch: MonitorRecord, outcome: str) -> None:
        if trial := await trials.get_trial_of_watch(self._database, watch.id):
            await self._trial.end(trial, outcome, "")

    async def _roll_back(self, watch: MonitorRecord, decision: TrialDecision) -> None:
        measures = likings_of(decision)
        reason = (
            f"People like the jokes of model {watch.model_id} less: {measures['now']:.0%} of "
            f"{decision.champion.ratings} ratings, {measures['before']:.0%} with model {watch.predecessor_id} at the "
            "same time."
        )
        await champion_watches.record_monitor_measures(self._database, watch.id, measures)
        try:
            change = await self._deployer.roll_back("watch", reason=reason)
        except RegistryError as error:
            log.error("%s It can't be rolled back: %s", reason, error)
            await self._end_trial(watch, "failed")
            await self._keep(watch, measures)
            return
        log.warning("%s Model %d serves again.", reason, change.model.id)
        await self._end_trial(watch, "promoted")
        await champion_watches.end_monitoring(self._database, watch.id, "fell", {**measures, "back": change.model.id})

    async def _notify(self, watch: MonitorRecord) -> None:
        """Notify every admin of a rollback or of a suspicion that can't be tested, once, also after a restart."""
        measured = watch.measured
        model = await get_model(self._database, watch.model_id)
        back = await get_model(self._database, measured.get("back", watch.predecessor_id))
        notified = list(measured.get("told", ()))

        async def note(admin_id: int) -> None:
            notified.append(admin_id)
            await champion_watches.record_monitor_measures(self._database, watch.id, {**measured, "told": notified})

        await self._notifier.notify(
            "watch-fell" if watch.outcome == "fell" else "watch-untested",
            except_for=list(notified),
            note=note,
            model=model.id,
            back=back.id,
            now=round(100 * measured["now"]),
            before=round(100 * measured["before"]),
        )
        await champion_watches.mark_notified(self._database, watch.id)


def likings_of(decision: TrialDecision) -> dict[str, object]:
    """The measures of a watch that ended with a trial: the likings of the champion and of its predecessor."""
    return {
        "now": decision.champion.liking or 0.0,
        "before": decision.candidate.liking or 0.0,
        "reason": decision.reason,
    }
