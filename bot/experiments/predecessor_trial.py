"""The randomised trial of a predecessor: is the new champion, which is suspected to be worse, really worse?

The predecessor gets half of the photos beside the champion. The state is in the database: after a restart the bot
serves the predecessor again and the trial goes on. One trial runs at a time; a run's trial is waited for.
"""

import logging
import sqlite3
import time
from dataclasses import asdict

from bot.engine.servers.base import ModelServers, NoCapacity, ServeError
from bot.experiments.trial_design import SECONDS_A_DAY, TrialAnswer, TrialDecision, TrialDesign
from bot.experiments.trial_reader import analyse_trial
from configs.trials import ChampionMonitorSettings
from storage.database import Database
from storage.learning import promotion, runs, trial_evidence, trials
from storage.learning.champion_watches import MonitorRecord
from storage.learning.trials import TrialRecord

log = logging.getLogger(__name__)

RETRY_S = 60.0
"""Until the next attempt to serve a predecessor that could not be served."""
MAX_ANALYSIS_INTERVAL_S = 60.0
"""The longest time between two analyses: users change ratings, and the trial's time runs out."""
MIN_REST = 0.5
"""Least share of the watch's ratings and days that a trial has, however late it begins."""


class PredecessorTrial:
    """Conducts the trial of a watch's predecessor, step by step."""

    def __init__(self, database: Database, servers: ModelServers, settings: ChampionMonitorSettings) -> None:
        self._database, self._servers, self._settings = database, servers, settings
        self._not_before = 0.0
        self._analysed = (0, -1, 0.0)
        """The trial, its number of ratings, and the time of the latest analysis."""

    async def step(self, watch: MonitorRecord) -> TrialDecision | None:
        """Begin or continue the trial; returns a final decision, or None while it goes on or can't begin yet.

        Raises NoCapacity where the settings allow no second model, RegistryError if the predecessor may not serve.
        """
        trial = await trials.get_trial_of_watch(self._database, watch.id)
        if trial is None or not await self._is_served(trial):
            trial = await self._begin(watch)
        if trial is None or trial.ended_at is not None:
            return None
        ratings, now = await trials.count_trial_ratings(self._database, trial), time.monotonic()
        if self._analysed[:2] == (trial.id, ratings) and now - self._analysed[2] < MAX_ANALYSIS_INTERVAL_S:
            return None
        self._analysed = trial.id, ratings, now
        decision = await analyse_trial(self._database, trial, await self._design(watch, trial))
        await trials.record_trial_measures(self._database, trial.id, asdict(decision))
        return None if decision.answer is TrialAnswer.CONTINUE else decision

    async def end(self, trial: TrialRecord, outcome: str, reason: str) -> None:
        """End a trial; the predecessor gets no more photos, unless it is the champion now."""
        await trials.end_trial(self._database, trial.id, outcome, reason)
        router, predecessor = self._servers.router, trial.candidate_id
        if router.champion.model.id == predecessor:
            return
        if router.canary and router.canary.model.id == predecessor:
            router.clear_canary()
        try:
            await self._servers.end(predecessor)
        except ServeError as error:
            log.warning("model %d is still served: %s", predecessor, error)

    async def end_abandoned(self) -> None:
        """End trials whose watch has ended otherwise, by a promotion or a rollback."""
        for trial in await trials.list_abandoned_trials(self._database):
            log.info("the trial of model %d ends: the champion has changed", trial.candidate_id)
            await self.end(trial, "cancelled", "The champion has changed.")

    async def _is_served(self, trial: TrialRecord) -> bool:
        canary = self._servers.router.canary
        return trial.ended_at is not None or (canary is not None and canary.model.id == trial.candidate_id)

    async def _begin(self, watch: MonitorRecord) -> TrialRecord | None:
        """Serve the predecessor and give it half of the photos; None if that has to wait."""
        if time.monotonic() < self._not_before or await self._must_wait(watch):
            return None
        model = await promotion.ensure_servable(self._database, watch.predecessor_id)
        try:
            arm = await self._servers.serve(model)
            trial = await trials.begin_predecessor_trial(self._database, watch.id, watch.model_id, model.id)
        except NoCapacity:
            raise
        except (ServeError, sqlite3.IntegrityError) as error:
            # A run's trial may have begun meanwhile.
            log.warning("the trial of model %d has to wait: %s", model.id, error)
            self._not_before = time.monotonic() + RETRY_S
            return None
        self._servers.router.set_canary(arm, TrialDesign.for_predecessor(self._settings, 0, 0.0).full_share)
        log.info("model %d answers half of all photos beside model %d, to compare them", model.id, watch.model_id)
        return trial

    async def _must_wait(self, watch: MonitorRecord) -> bool:
        """Whether another trial is open: that of a run that is not finished."""
        trial = await trials.get_open_trial(self._database)
        if trial is None or trial.watch_id == watch.id:
            return False
        return trial.run_id is None or not (await runs.get_run(self._database, trial.run_id)).finished

    async def _design(self, watch: MonitorRecord, trial: TrialRecord) -> TrialDesign:
        """The design with what was left of the watch when the trial began."""
        settings, model = self._settings, watch.model_id
        since = await trial_evidence.count_model_ratings(self._database, model, watch.began_at)
        before = since - await trial_evidence.count_model_ratings(self._database, model, trial.began_at)
        days = settings.days - (trial.began_at - watch.began_at) / SECONDS_A_DAY
        return TrialDesign.for_predecessor(
            settings,
            max(settings.ratings - before, round(MIN_REST * settings.ratings)),
            max(days, MIN_REST * settings.days),
        )
