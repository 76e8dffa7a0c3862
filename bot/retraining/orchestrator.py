"""Drives runs in the bot: starts their processes and trials, and keeps admins informed.

    queued … judging      the pipeline process, a child of the bot (`jokebot _pipeline N`), restarted if it dies
    canary                the trial (`TrialController`), in this process
    finished              admins are notified once

Runs are read from the database, also those from before a restart and those that `jokebot retrain` queued.
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
"""Between two queries for new runs and requests of the command line."""
SEND_INTERVAL_S = 2.0
"""Between two queries for pending messages to admins."""
POLL_INTERVAL_S = 0.5
"""Between two checks of a run's process."""
CANCEL_TIMEOUT_S = 30.0
"""How long a run's process may take, besides its own grace, to notice that the run was cancelled."""
CANCELLED = EndReason("An admin stopped it.", "cancelled")
RETRY_DELAYS_S = (1.0, 5.0, 15.0, 60.0, 60.0)
"""Before each restart of a process that ended without progress; after the last one the run has failed."""


class TrialController(Protocol):
    """Runs a candidate's trial in the chats."""

    async def run_trial(self, run: Run) -> None:
        """Run the trial of a run in canary until it has left that state; if `cancel_at` is set, end it as cancelled.

        It is cancelled when the bot stops, and called again for the same run at the next start.
        """


class RunOrchestrator:
    """Its `jobs` drive the runs; `wake` it after queueing a run or changing one."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        servers: ModelServers,
        deployer: ModelDeployer,
        trials: TrialController,
        notifier: RunNotifier,
        progress: RunProgressReader,
    ) -> None:
        self._database, self._settings, self._servers, self.deployer = database, settings, servers, deployer
        self._trials, self._notifier, self._progress = trials, notifier, progress
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Query the runs now instead of at the next interval."""
        self._woken.set()

    def jobs(self) -> list[Periodic]:
        """Three jobs: the runs, their messages (a picture takes seconds), and the command line's requests."""
        return [
            Periodic("run-orchestrator", IDLE_S, self._round, sleep=self._sleep),
            Periodic("run-messages", SEND_INTERVAL_S, self._notifier.send_pending),
            Periodic("control-requests", IDLE_S, self._serve_requests),
        ]

    async def _round(self) -> None:
        run = await runs.current_run(self._database)
        if run:
            with about(run=run.id):
                await (self._free_memory_and_work if run.state in STEPS else self._run_trial)(run)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _free_memory_and_work(self, run: Run) -> None:
        """Work on the run; if the settings say so, the servers sleep meanwhile. They wake in any case afterwards."""
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
            # If the run goes on, the next round pauses the servers again.
            await self._servers.resume()
            raise
        await self._servers.resume()

    async def _work(self, run: Run) -> None:
        """Run processes of the pipeline until the run is past judging."""
        failures = 0
        while run.state in STEPS:
            before = run
            output = await self._run_process(run)
            run = await self._refresh_and_notify(await runs.get_run(self._database, run.id))
            if run.state not in STEPS:
                return
            if run.cancel_at:
                await self._end(run, "cancelled", CANCELLED)
                return
            failures = failures + 1 if run.state == before.state else 0
            if failures > len(RETRY_DELAYS_S):
                text = f"Its process ended {failures} times without getting anywhere.{output}"
                await self._end(run, "failed", EndReason(text, "died", {"times": failures}))
                return
            if failures:
                log.warning("run %d: its process ended while it was %s.%s", run.id, run.state, output)
                await self._sleep(RETRY_DELAYS_S[failures - 1])

    async def _run_process(self, run: Run) -> str:
        """Run one process of the pipeline until it ends; returns the tail of its output.

        The process ends itself when the run is cancelled. One that doesn't is stopped, as all are when the bot stops.
        """
        log_file = self._progress.run_folder(run) / "pipeline.log"
        # Not in a thread: if the bot stopped meanwhile, the process would be left behind.
        child = start_pipeline(run.id, self._settings, log_file)
        timeout_s = self._settings.retrain.stop_grace_s + CANCEL_TIMEOUT_S
        try:
            while child.running:
                run = await self._refresh_and_notify(run)
                await self._sleep(POLL_INTERVAL_S)
                if run.cancel_at and time.time() - run.cancel_at > timeout_s:
                    break
        finally:
            await stop_child(child)
        return child.output_tail

    async def _refresh_and_notify(self, run: Run) -> Run:
        """Read the run again and update its progress messages; errors are logged and don't disturb the run."""
        try:
            run = await runs.get_run(self._database, run.id)
            await self._notifier.update_progress(run)
        except (sqlite3.Error, JokebotError) as error:
            log.warning("messages about run %d are delayed: %s", run.id, error)
        return run

    async def _end(self, run: Run, state: str, reason: EndReason | JokebotError) -> None:
        with suppress(runs.RunStateChanged):
            await promotion.end_run(self._database, run, state, reason)
        await self._notifier.update_progress(await runs.get_run(self._database, run.id))

    async def _run_trial(self, run: Run) -> None:
        """Run the trial of a run in canary, and update its progress messages."""
        trial = asyncio.create_task(self._trials.run_trial(run))
        try:
            while (run := await self._refresh_and_notify(run)).state == "canary":
                if trial.done():
                    trial.result()
                    return
                await self._sleep(IDLE_S)
            await trial
        finally:
            trial.cancel()
            await asyncio.gather(trial, return_exceptions=True)

    async def _serve_requests(self) -> None:
        """Serve the requests of the command line to the running bot."""
        for request in await control_requests.list_pending_requests(self._database):
            text, done = await self._serve_request(request)
            await control_requests.record_answer(self._database, request.id, text, done=done)

    async def _serve_request(self, request: control_requests.ControlRequest) -> tuple[str, bool]:
        try:
            if request.kind == "promote":
                change = await self.deployer.promote(
                    request.model_id or 0, "admin", reason=EndReason("Asked for on the command line.", "command")
                )
            else:
                change = await self.deployer.roll_back(reason=EndReason("Asked for on the command line.", "command"))
        except JokebotError as error:
            return str(error), False
        return (
            f"Model {change.model.id} ({change.model.name}) is in service instead of model {change.replaced.id}, "
            f"after {change.seconds:.1f} s.",
            True,
        )


async def stop_child(child: ChildProcess) -> None:
    """End a process and wait until it has exited, even if this task is cancelled meanwhile."""
    ending, cancelled = asyncio.ensure_future(asyncio.to_thread(child.stop)), False
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
