"""What the dataset commands share: which model's tokenizer counts, and which dataset is meant."""
import asyncio
import os
from pathlib import Path

from configs.settings import Settings
from storage import datasets, models
from storage.database import Database
from trainer.xtuner.tokenizer import Budget, ModelDirectoryError, load_budget


def count_without_torch() -> None:
    """Keep transformers from loading torch (seconds, 240 MB) in a process that only counts tokens; call it at its start."""
    os.environ.update(USE_TORCH="0", TRANSFORMERS_VERBOSITY="error", TRANSFORMERS_NO_ADVISORY_WARNINGS="1")


async def budget_of(database: Database, settings: Settings, named: Path | None = None) -> Budget:
    """How many tokens a row may have, and what counts them: the tokenizer in the directory `named`, else the champion's, else that
    of the settings. Raises ModelDirectoryError."""
    champion = await models.champion(database)
    known = champion.directory if champion else None
    directory = named or (Path(known) if known else settings.model.directory)
    if directory is None:
        raise ModelDirectoryError("No model's directory is known, and its tokenizer must count the tokens: "
                                  "set model.directory in jokebot.toml, or give --model DIR.")
    if not await asyncio.to_thread(directory.is_dir):
        raise ModelDirectoryError(f"There is no model directory {directory}.")
    return load_budget(directory, settings.selection.max_length)


async def dataset_directory(database: Database, folder: Path, named: str) -> Path:
    """A dataset given as a path, or by the beginning of its name. Raises DatasetError."""
    if await asyncio.to_thread(Path(named).is_dir):
        return Path(named)
    return folder / (await datasets.find(database, named)).name
