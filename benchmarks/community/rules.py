"""The product's trial and watch in a simulation: its controller and its monitor, driven after each rating."""

from typing import Any

from bot.engine.router import Router, ServedModel
from bot.experiments.canary_controller import CanaryController
from bot.experiments.champion_monitor import ChampionMonitor
from bot.experiments.predecessor_trial import PredecessorTrial
from bot.retraining.deployer import ModelDeployer
from configs.settings import Settings
from storage.database import Database
from storage.learning import runs, trials
from storage.learning.models import Model
from storage.learning.runs import Run


class TableServers:
    """In place of the model servers: every model can be served at once, by its row in the registry."""

    def __init__(self, router: Router) -> None:
        self.router = router

    async def serve(self, model: Model) -> ServedModel:
        """Serve a model beside the others."""
        return ServedModel(model, None)

    async def swap(self, model: Model) -> ServedModel:
        """Make a model the champion of the router."""
        served = ServedModel(model, None)
        self.router.set_champion(served)
        return served

    async def end(self, model_id: int) -> None:
        """Nothing to stop."""


class NoAdmins:
    """In place of the messages to admins."""

    async def notify(self, *_: Any, **__: Any) -> None:
        """No admin is notified."""


class ProductRules:
    """Runs trials and the watch as the bot does, but when `analyse` is called instead of in a loop."""

    def __init__(self, database: Database, router: Router, settings: Settings) -> None:
        self._database, self._settings = database, settings
        servers = TableServers(router)
        deployer = ModelDeployer(database, servers)
        self._controller = CanaryController(database, servers, deployer, settings.canary)
        predecessor = PredecessorTrial(database, servers, settings.champion_monitor)
        self._monitor = ChampionMonitor(database, deployer, NoAdmins(), settings.champion_monitor, predecessor)

    @property
    def duel_one_in(self) -> int:
        """At most one photo in this many becomes a duel."""
        return self._settings.duel.one_in_photos

    async def begin_trial(self, run: Run) -> None:
        """Serve the candidate of a run in canary beside the champion."""
        await self._controller._begin(run)

    async def analyse(self) -> None:
        """Analyse the open trial and the watch."""
        run = await runs.current_run(self._database)
        if run and run.state == "canary" and (trial := await trials.get_trial_of_run(self._database, run.id)):
            await self._controller._analyse(run, trial)
            run = await runs.get_run(self._database, run.id)
            if run.finished:
                await self._controller._close(run)
        await self._monitor.step()
