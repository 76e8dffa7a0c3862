"""The loop as the bot conducts it: queued runs get their process, a run on trial its trial, admins their news.

    queued … judging      the pipeline process, a child of ours (`jokebot _pipeline N`); begun again where it died
    canary                the trial (`TrialController`), in this process
    finished              told once

A run that is left from an earlier start, or queued by `jokebot retrain`, is found in the database like any other.
"""

import asyncio
import logging
import sqlite3
import time
from contextlib import suppress
from typing import Protocol

from bot.engine.servers.base import ModelServers, ServeError
from bot.retraining.deployer import ModelDeployer
from bot.retraining.pipeline_process import start_pipeline
from bot.retraining.run_notifier import RunNotifier
from bot.retraining.run_progress import RunProgressReader
from bot.runtime.child_process import ChildProcess
from bot.runtime.periodic import Periodic
from configs.errors import JokebotError
from configs.log_context import about
from configs.settings import Settings
from storage.chat import control_requests
from storage.database import Database
from storage.learning import promotion, runs
from storage.learning.reasons import EndReason
from storage.learning.runs import STEPS, Run

log = logging.getLogger(__name__)

IDLE_S = 1.0
"""How often it is looked whether the command line has queued something."""
TELL_S = 2.0
"""How often it is looked whether there is something to tell."""
LOOK_S = 0.5
"""How often a run's process is looked after."""
CANCEL_S = 30.0
"""How long a run's process may take, besides its own grace, to notice that it shall end."""
STOPPED = EndReason("An admin stopped it.", "cancelled")
PAUSES_S = (1.0, 5.0, 15.0, 60.0, 60.0)
"""Before a process that ended without getting anywhere is begun again; after the last one the run has failed."""


class TrialController(Protocol):
    """What conducts a candidate's trial in the chats."""

    async def drive(self, run: Run) -> None:
        """Conduct the trial of a run in canary until the run has left that state; where its `cancel_at` is set, end it
        cancelled.

        Is cancelled when the bot stops, and called again for the same run at the next start.
        """


class RunOrchestrator:
    """Its `jobs` conduct, `wake` it when there is something new to do."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        servers: ModelServers,
        service: ModelDeployer,
        trials: TrialController,
        news: RunNotifier,
        progress: RunProgressReader,
    ) -> None:
        self._database, self._settings, self._servers, self.service = database, settings, servers, service
        self._trials, self._news, self._progress = trials, news, progress
        self._news_at_hand = asyncio.Event()

    def wake(self) -> None:
        """Look now and not in a moment."""
        self._news_at_hand.set()

    def jobs(self) -> list[Periodic]:
        """The runs, the news of them (beside all else: a picture takes seconds), and what the command line asks for."""
        return [
            Periodic("run-orchestrator", IDLE_S, self._round, sleep=self._sleep),
            Periodic("run-messages", TELL_S, self._news.tell),
            Periodic("control-requests", IDLE_S, self._obey),
        ]

    async def _round(self) -> None:
        run = await runs.current_run(self._database)
        if run:
            with about(run=run.id):
                await (self._make_room_and_work if run.state in STEPS else self._try)(run)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news_at_hand.wait()
        self._news_at_hand.clear()

    async def _make_room_and_work(self, run: Run) -> None:
        """Work, with the servers asleep where the settings say that memory doesn't hold both.

        They wake whatever becomes of the run.
        """
        if not self._settings.servers.sleep_while_training:
            await self._work(run)
            return
        try:
            await self._servers.pause("training")
        except ServeError as error:
            await self._end(run, "failed", error)
            return
        try:
            await self._work(run)
        except Exception:
            # The next round sees whether there is still a run to sleep for.
            await self._servers.resume()
            raise
        await self._servers.resume()

    async def _work(self, run: Run) -> None:
        """Have a run's process work until the run is past judging."""
        failures = 0
        while run.state in STEPS:
            before = run
            said = await self._attend(run)
            run = await self._told(await runs.get_run(self._database, run.id))
            if run.state not in STEPS:
                return
            if run.cancel_at:
                await self._end(run, "cancelled", STOPPED)
                return
            failures = failures + 1 if run.state == before.state else 0
            if failures > len(PAUSES_S):
                text = f"Its process ended {failures} times without getting anywhere.{said}"
                await self._end(run, "failed", EndReason(text, "died", {"times": failures}))
                return
            if failures:
                log.warning("run %d: its process ended while it was %s.%s", run.id, run.state, said)
                await self._sleep(PAUSES_S[failures - 1])

    async def _attend(self, run: Run) -> str:
        """One process of the run, from its start to its end; its last words. It sees by itself that the run is
        cancelled; one that doesn't is stopped, as all are when the bot stops."""
        log_file = self._progress.run_folder(run) / "pipeline.log"
        # Not in a thread: a stop of the bot that came meanwhile would leave the process behind.
        child = start_pipeline(run.id, self._settings, log_file)
        patience = self._settings.retrain.stop_grace_s + CANCEL_S
        try:
            while child.running:
                run = await self._told(run)
                await self._sleep(LOOK_S)
                if run.cancel_at and time.time() - run.cancel_at > patience:
                    break
        finally:
            await stop(child)
        return child.output_tail

    async def _told(self, run: Run) -> Run:
        """The run as it is now, once that is on its way to the admins.

        That something can't be read just now disturbs no run.
        """
        try:
            run = await runs.get_run(self._database, run.id)
            await self._news.show(run)
        except (sqlite3.Error, JokebotError) as error:
            log.warning("news of run %d wait: %s", run.id, error)
        return run

    async def _end(self, run: Run, state: str, reason: EndReason | JokebotError) -> None:
        with suppress(runs.RunStateChanged):
            await promotion.end_run(self._database, run, state, reason)
        await self._news.show(await runs.get_run(self._database, run.id))

    async def _try(self, run: Run) -> None:
        """The trial of a run in canary, with its news."""
        driving = asyncio.create_task(self._trials.drive(run))
        try:
            while (run := await self._told(run)).state == "canary":
                if driving.done():
                    driving.result()
                    return
                await self._sleep(IDLE_S)
            await driving
        finally:
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)

    async def _obey(self) -> None:
        """Do what the command line asks of a running bot."""
        for request in await control_requests.list_pending_requests(self._database):
            text, done = await self._answer(request)
            await control_requests.record_answer(self._database, request.id, text, done=done)

    async def _answer(self, request: control_requests.ControlRequest) -> tuple[str, bool]:
        try:
            if request.kind == "promote":
                change = await self.service.promote(
                    request.model_id or 0, "admin", reason=EndReason("Asked for on the command line.", "command")
                )
            else:
                change = await self.service.roll_back(reason=EndReason("Asked for on the command line.", "command"))
        except JokebotError as error:
            return str(error), False
        return (
            f"Model {change.model.id} ({change.model.name}) is in service instead of model {change.replaced.id}, "
            f"after {change.seconds:.1f} s.",
            True,
        )


async def stop(child: ChildProcess) -> None:
    """End a process and wait until it is gone, however often this task is cancelled meanwhile."""
    ending, cancelled = asyncio.ensure_future(asyncio.to_thread(child.stop)), False
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
