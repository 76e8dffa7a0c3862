"""Trial and watch of commit e77f410 on the product's tables, analysed after each rating."""

from dataclasses import asdict

from benchmarks.community.clock import SimulatedClock
from benchmarks.community.today import settings
from benchmarks.community.today.evidence import list_duel_choices, list_photo_ratings
from benchmarks.community.today.observations import Observation, make_observations
from benchmarks.community.today.regression_test import compare_with_predecessor
from benchmarks.community.today.sequential_test import SequentialTest, TrialAnswer
from benchmarks.community.world import DAY_S
from bot.engine.router import Router, ServedModel
from storage.database import Database
from storage.learning import promotion, runs, trials
from storage.learning.models import get_model
from storage.learning.promotion import Promotion
from storage.learning.runs import Run
from storage.learning.trials import TrialRecord

SETTINGS = settings.CanarySettings()


class TodayRules:
    """Runs trials and the watch; `router` gets what is served."""

    def __init__(self, database: Database, router: Router, clock: SimulatedClock) -> None:
        self._database, self._router, self._clock = database, router, clock
        self._test = SequentialTest(SETTINGS)
        self._watch: Promotion | None = None
        self._before: list[Observation] = []

    @property
    def duel_one_in(self) -> int:
        """At most one photo in this many becomes a duel."""
        return settings.DUEL_ONE_IN

    async def begin_trial(self, run: Run) -> None:
        """Serve the candidate of a run in canary beside the champion."""
        candidate = await promotion.begin_canary(self._database, run)
        await trials.begin_trial(self._database, run.id, self._router.champion.model.id, candidate.id)
        self._router.set_canary(ServedModel(candidate, None), SETTINGS.initial_share)

    async def analyse(self) -> None:
        """Analyse the open trial and the watch."""
        if (run := await runs.current_run(self._database)) and run.state == "canary":
            trial = await trials.get_trial_of_run(self._database, run.id)
            await self._analyse_trial(run, runs.require(trial))
        if self._watch:
            await self._analyse_watch(self._watch)

    async def _analyse_trial(self, run: Run, trial: TrialRecord) -> None:
        arms = [
            make_observations(await list_photo_ratings(self._database, model, trial.began_at, late_at=trial.late_at))
            for model in (trial.champion_id, trial.candidate_id)
        ]
        duels = await list_duel_choices(self._database, trial.id, trial.candidate_id)
        decision = self._test.evaluate(*arms, duels, self._clock.now - trial.began_at)
        if decision.answer is TrialAnswer.CONTINUE:
            if decision.stage and trial.late_at is None:
                await trials.begin_late_stage(self._database, trial.id)
                self._router.share = SETTINGS.full_share
            return
        await trials.record_trial_measures(self._database, trial.id, asdict(decision))
        if decision.answer is TrialAnswer.PROMOTE:
            promoted = await promotion.promote(self._database, trial.candidate_id, "canary", reason=decision.reason)
            await self._begin_watch(promoted)
        else:
            state = "rejected" if decision.answer is TrialAnswer.HARMFUL else "undecided"
            await promotion.end_run(self._database, run, state, decision.reason)
            self._router.clear_canary()
        run = await runs.get_run(self._database, run.id)
        await trials.end_trial(self._database, trial.id, run.state, run.reason)

    async def _begin_watch(self, promoted: Promotion) -> None:
        self._router.set_champion(ServedModel(await get_model(self._database, promoted.model_id), None))
        self._watch = promoted
        since = promoted.at - settings.WATCH_DAYS * DAY_S
        before = await list_photo_ratings(self._database, runs.require(promoted.replaced_id), since, before=promoted.at)
        self._before = make_observations(before)

    async def _analyse_watch(self, watch: Promotion) -> None:
        now = make_observations(await list_photo_ratings(self._database, watch.model_id, watch.at))
        if not now:
            return
        result = compare_with_predecessor(self._before, now, settings.WATCH_ALPHA, settings.WATCH_RATINGS)
        if result.fell:
            back = await promotion.rollback(self._database, "watch")
            self._router.set_champion(ServedModel(await get_model(self._database, back.model_id), None))
        over = self._clock.now - watch.at >= settings.WATCH_DAYS * DAY_S
        if result.fell or over or result.ratings >= settings.WATCH_RATINGS:
            self._watch = None
