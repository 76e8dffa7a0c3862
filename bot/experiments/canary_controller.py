"""A run's trial: the candidate is served beside the champion, its share grows, and users' ratings decide.

A trial's whole state is in the database (`storage/learning/trials.py`): after a restart the bot serves the candidate
again and continues the trial. The data is analysed after each new rating, with one query and some arithmetic.
"""

import asyncio
import logging
import sqlite3
import time
from dataclasses import asdict

from bot.engine.router import ServedModel
from bot.engine.servers.base import ModelServers, NoCapacity, ServeError
from bot.experiments.trial_design import EARLY, LATE, TrialAnswer, TrialDecision, TrialDesign
from bot.experiments.trial_reader import analyse_trial
from bot.retraining.deployer import ModelDeployer
from configs.trials import CanarySettings
from storage.database import Database
from storage.learning import promotion, runs, trials
from storage.learning.models import RegistryError
from storage.learning.random_share import count_unchosen_likes
from storage.learning.reasons import EndReason
from storage.learning.runs import Run, RunStateChanged

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 1.0
"""Between two queries for new ratings."""
MAX_ANALYSIS_INTERVAL_S = 60.0
"""The longest time between two analyses: users change ratings, and the trial's time runs out."""
RETRY_DELAYS_S = (5.0, 30.0, 120.0)
"""Before each new attempt to serve a candidate; after the last one the run has failed."""


class CanaryController:
    """Runs the trials of candidates for `RunOrchestrator`, one at a time."""

    def __init__(
        self, database: Database, servers: ModelServers, deployer: ModelDeployer, settings: CanarySettings
    ) -> None:
        self._database, self._servers, self._deployer, self._settings = database, servers, deployer, settings
        self._design = TrialDesign.for_candidate(settings)

    async def run_trial(self, run: Run) -> None:
        """Run the trial until the run has left canary. If the run's `cancel_at` is set, end it as cancelled.

        If this task is cancelled (the bot stops), the trial stays as it is and can be continued with another call.
        """
        if await self._begin(run):
            await self._analyse_until_over(run)
        await self._close(run)

    async def _begin(self, run: Run) -> bool:
        """Serve the candidate and give it its share; False if the run ends before that."""
        pauses = iter(RETRY_DELAYS_S)
        while run.state == "canary" and not run.cancel_at:
            if await self._must_wait(run):
                await asyncio.sleep(POLL_INTERVAL_S)
                run = await runs.get_run(self._database, run.id)
                continue
            try:
                candidate = await promotion.begin_canary(self._database, run)
                arm = await self._servers.serve(candidate)
                trial = await trials.begin_trial(
                    self._database, run.id, self._servers.router.champion.model.id, candidate.id
                )
            except RunStateChanged:
                return False
            except sqlite3.IntegrityError:
                log.info("run %d waits: the trial of a predecessor has begun meanwhile", run.id)
                await self._servers.end(candidate.id)
            except NoCapacity as error:
                await self._end(run, "undecided", untried(run, error))
                return False
            except ServeError as error:
                if (pause := next(pauses, None)) is None:
                    await self._end(run, "failed", not_served(error))
                    return False
                log.warning("run %d: its candidate can't be served, next attempt in %.0f s: %s", run.id, pause, error)
                await asyncio.sleep(pause)
                run = await runs.get_run(self._database, run.id)
            else:
                self._apply_share(arm, trial)
                return True
        await self._cancel(run)
        return False

    async def _must_wait(self, run: Run) -> bool:
        """Whether the present champion is being compared with its predecessor: one trial runs at a time."""
        trial = await trials.get_open_trial(self._database)
        return trial is not None and trial.watch_id is not None

    def _apply_share(self, arm: ServedModel, trial: trials.TrialRecord) -> None:
        share = self._design.share_of(EARLY if trial.late_at is None else LATE)
        self._servers.router.set_canary(arm, share)
        log.info("run %s: model %s answers %.0f %% of all photos", trial.run_id, arm.model.name, 100 * share)

    async def _analyse_until_over(self, run: Run) -> None:
        last_ratings, analysed_at = -1, 0.0
        while (run := await runs.get_run(self._database, run.id)).state == "canary":
            trial = await trials.get_trial_of_run(self._database, run.id)
            if trial is None or run.cancel_at:
                await self._cancel(run)
                return
            ratings = await trials.count_trial_ratings(self._database, trial)
            if ratings != last_ratings or time.monotonic() - analysed_at > MAX_ANALYSIS_INTERVAL_S:
                last_ratings, analysed_at = ratings, time.monotonic()
                await self._analyse(run, trial)
            await asyncio.sleep(POLL_INTERVAL_S)

    async def _analyse(self, run: Run, trial: trials.TrialRecord) -> None:
        """Analyse the data and act on the decision.

        The run fails if the candidate learnt from a user whose data has been erased since.
        """
        try:
            await promotion.ensure_servable(self._database, trial.candidate_id)
        except RegistryError as error:
            await self._end(run, "failed", error)
            return
        decision = await analyse_trial(self._database, trial, self._design)
        check = {"unchosen": await count_unchosen_likes(self._database, trial)}
        await trials.record_trial_measures(self._database, trial.id, asdict(decision) | check)
        if decision.answer is TrialAnswer.PROMOTE:
            await self._promote(run, decision)
        elif decision.answer is not TrialAnswer.CONTINUE:
            harmful = decision.answer is TrialAnswer.HARMFUL
            await self._end(run, "rejected" if harmful else "undecided", self.describe(decision))
        elif decision.stage == LATE and trial.late_at is None:
            trial, arm = await trials.begin_late_stage(self._database, trial.id), self._servers.router.canary
            if arm is not None:
                self._apply_share(arm, trial)

    async def _promote(self, run: Run, decision: TrialDecision) -> None:
        try:
            await self._deployer.promote(run.candidate_id or 0, "canary", reason=self.describe(decision))
        except RegistryError as error:
            await self._end(run, "failed", error)
        except ServeError as error:
            log.warning("run %d: its candidate has won, but can't be deployed yet: %s", run.id, error)

    async def _cancel(self, run: Run) -> None:
        if run.state == "canary":
            await self._end(run, "cancelled", EndReason("An admin stopped it.", "cancelled"))

    async def _end(self, run: Run, state: str, reason: EndReason | RegistryError) -> None:
        try:
            await promotion.end_run(self._database, run, state, reason)
        except RunStateChanged as error:
            log.info("run %d was ended elsewhere: %s", run.id, error)
        else:
            log.info("run %d is %s: %s", run.id, state, EndReason.convert(reason).text)

    async def _close(self, run: Run) -> None:
        """Record the end of the trial. The candidate gets no more deliveries, unless it is the champion now."""
        run = await runs.get_run(self._database, run.id)
        trial, router = await trials.get_trial_of_run(self._database, run.id), self._servers.router
        if trial and run.finished:
            await trials.end_trial(self._database, trial.id, run.state, run.reason)
        if run.candidate_id is None or router.champion.model.id == run.candidate_id:
            return
        if router.canary and router.canary.model.id == run.candidate_id:
            router.clear_canary()
        try:
            await self._servers.end(run.candidate_id)
        except ServeError as error:
            log.warning("model %d is still served: %s", run.candidate_id, error)

    def describe(self, decision: TrialDecision) -> EndReason:
        """The verdict with its counts, for admins."""
        settings = self._settings
        verdict = {
            "better": "People like its jokes better.",
            "worse": "People like its jokes less.",
            "guess": "With so few ratings this is a guess: nothing speaks against it.",
            "quiet": "People rate its jokes less often or ask for another one more often, so the champion stays.",
            "futile": "A clear difference has become very unlikely, so the champion stays.",
            "ratings": f"After {settings.max_ratings} ratings neither is clearly better, so the champion stays.",
            "days": f"After {settings.max_days:g} days neither is clearly better, so the champion stays.",
        }.get(decision.reason, decision.reason)
        arms = [
            f"{arm.likes} of {arm.ratings} ratings liked {jokes}"
            for arm, jokes in ((decision.candidate, "its jokes"), (decision.champion, "the champion's"))
        ]
        duels = f" There were {decision.duels} choices in duels." if decision.duels else ""
        old, new = decision.champion, decision.candidate
        return EndReason(
            f"{verdict} {arms[0][0].upper()}{arms[0][1:]}, {arms[1]}.{duels}",
            f"trial-{decision.reason}",
            {
                "likes": new.likes,
                "ratings": new.ratings,
                "old-likes": old.likes,
                "old-ratings": old.ratings,
                "duels": decision.duels,
            },
        )


def untried(run: Run, error: NoCapacity) -> EndReason:
    """The reason of a run whose candidate no user could try."""
    text = f"{error} So no user could try it; /promote {run.candidate_id} makes it the champion."
    return EndReason(text, "no-room", {"what": str(error)})


def not_served(error: ServeError) -> EndReason:
    """The reason of a run whose candidate can't be served."""
    return EndReason(f"The candidate can't be served. {error}", "not-served", {"what": str(error)})
