"""The context of a run's steps, and the exceptions that interrupt them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.settings import Settings
from storage.database import Database
from storage.learning import datasets, models, runs
from storage.learning.model_files import share_consent
from storage.learning.models import Model
from storage.learning.runs import Run
from trainer.dataset.token_budget import ModelDirectoryError
from trainer.pipeline.step_process import StepProcesses, check_exit_code, python_module
from trainer.pipeline.workspace import RunWorkspace


class RunCancelled(Exception):
    """The run was cancelled."""


class TrainingDataErased(Exception):
    """A user with rows in the run's dataset was forgotten: the run's artifacts must be removed."""


class StepInterrupted(Exception):
    """A step's process was stopped from outside; the run resumes at this step later."""


@dataclass(frozen=True)
class RunContext:
    """A run's database, settings, files and child processes."""

    database: Database
    settings: Settings
    workspace: RunWorkspace
    processes: StepProcesses

    async def check(self, run: Run) -> None:
        """Raises RunCancelled, TrainingDataErased or RunStateChanged if the run must not continue."""
        now = await runs.get_run(self.database, run.id)
        if now.state != run.state:
            raise runs.RunStateChanged(f"Run {run.id} is {now.state} by now.")
        if now.cancel_at is not None:
            raise RunCancelled
        if run.dataset and await datasets.has_forgotten_rows(self.database, run.dataset):
            raise TrainingDataErased

    async def run_step(self, run: Run, step: str, module: str, *arguments: object) -> None:
        """Run a module as a step's process, as `run_command` does."""
        await self.run_command(run, step, python_module(module, *arguments))

    async def run_command(self, run: Run, step: str, command: Sequence[object], folder: Path | None = None) -> None:
        """Run a step's process to its end, in `folder` if given.

        Raises StepKilled, StepFailed, StepInterrupted, and the exceptions of `check`.
        """
        log = self.workspace.log(step)

        async def watch() -> None:
            await self.check(run)

        code = await self.processes.run(command, log, watch, folder)
        if code in (143, -15):
            raise StepInterrupted
        check_exit_code(step, code, log)

    async def directory(self, model: Model) -> Path:
        """A model's directory on this host. Raises ModelDirectoryError, and RegistryError if its code has changed."""
        own = self.settings.model
        directory = Path(model.directory) if model.directory else own.directory if model.name == own.name else None
        if directory is None:
            raise ModelDirectoryError(
                f"This host has no files of model {model.id} ({model.name}), and a run needs them: "
                f"set model.directory, or register them: `jokebot models add DIR --name {model.name}`.",
                code="no-files",
                model=model.id,
                called=model.name,
            )
        if not directory.is_dir():
            raise ModelDirectoryError(
                f"The files of model {model.id} ({model.name}) are gone from {directory}.",
                code="files-gone",
                model=model.id,
                called=model.name,
            )
        await asyncio.to_thread(share_consent, model, directory)
        return directory.resolve()

    async def champion(self) -> Model:
        """The champion. Raises RegistryError if there is none."""
        serving = await models.get_champion(self.database)
        if serving is None:
            raise models.RegistryError(
                "No model is registered, so there is nothing to start from: `jokebot models add DIR`.", code="no-model"
            )
        return serving
