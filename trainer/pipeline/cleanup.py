"""Removes files after a run: checkpoints, old models and runs, and leftovers of killed processes."""

import shutil
from pathlib import Path

from configs.settings import Settings
from storage.database import Database
from storage.learning import runs
from storage.maintenance import model_cleanup
from trainer.pipeline.workspace import PART, RunWorkspace


async def clean_up(database: Database, settings: Settings) -> None:
    """Remove files that are no longer needed. The caller must hold the lock of the runs' folder."""
    current = await runs.current_run(database)
    at_work = None if current is None or current.state == "canary" else current
    await model_cleanup.remove_model_files(database, settings.storage.models, settings.retrain.keep_models)
    await clean_up_models(database, settings, at_work.model_name if at_work else None)
    await clean_up_runs(database, settings, at_work)


async def clean_up_models(database: Database, settings: Settings, at_work: str | None) -> None:
    """Remove the directories of killed and cancelled merges.

    Directories of other models stay, because a restored database may not have their rows.
    """
    given_up = await runs.list_unused_model_names(database)
    for directory in list_directories(settings.storage.models):
        part = PART.fullmatch(directory.name)
        if directory.name in given_up or (part and part["name"] != at_work):
            shutil.rmtree(directory, ignore_errors=True)


async def clean_up_runs(database: Database, settings: Settings, at_work: runs.Run | None) -> None:
    newest = {run.id for run in await runs.list_runs(database, settings.retrain.keep_runs)}
    for directory in list_directories(settings.storage.runs):
        if not directory.name.isdecimal() or (at_work and int(directory.name) == at_work.id):
            continue
        if int(directory.name) in newest:
            remove_artifacts(RunWorkspace.of_run(int(directory.name), settings.storage))
        else:
            shutil.rmtree(directory, ignore_errors=True)


def remove_artifacts(workspace: RunWorkspace) -> None:
    """Remove a judged run's files except losses and logs; the verdict is in its row, where `/forget` can erase it."""
    for folder in (workspace.directory / "xtuner", workspace.gate):
        shutil.rmtree(folder, ignore_errors=True)
    workspace.adapter.unlink(missing_ok=True)


def list_directories(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
