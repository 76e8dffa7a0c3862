"""Versions of the judge: fits a new one and records it; loads the one in service."""

import asyncio
import logging
import time
from pathlib import Path

from configs.settings import JudgeSettings
from storage.database import Database
from storage.judge.artifact import JudgeError
from storage.judge.erasure import erase_from_judges, remove_old_judges
from storage.judge.reactions import read_observations
from storage.judge.registry import (
    PRIOR,
    JudgeRecord,
    count_reactions,
    get_serving_judge,
    judge_file,
    register_judge,
)
from storage.judge.scorer import Judge
from trainer.judge.fit import fit_judge

log = logging.getLogger(__name__)


async def fit_new_version(database: Database, folder: Path, settings: JudgeSettings) -> JudgeRecord:
    """Fit a judge on the users' reactions and put it into service, or let it wait for the end of a trial.

    It may choose jokes if it is surely better than chance, or if the settings require no proof of that.

    A user who is forgotten meanwhile is removed from the file, and the judge is stale. Raises JudgeError without
    ratings or if the prior can't be read, OSError if the file can't be written.
    """
    began_at, reactions = time.time(), await count_reactions(database)
    observations = await read_observations(database, settings.max_ratings)
    prior = Judge.load(folder / PRIOR) if (folder / PRIOR).exists() else None
    judge = await asyncio.to_thread(fit_judge, observations, prior=prior)
    await asyncio.to_thread(judge.save, judge_file(folder, judge.version))
    record = await register_judge(
        database,
        judge.version,
        usable=judge.usable or not settings.require_proof,
        reactions=reactions,
        measures=judge.measures,
        began_at=began_at,
    )
    await erase_from_judges(database, folder)
    await remove_old_judges(database, folder, settings.keep)
    return record


async def load_serving_judge(database: Database, folder: Path) -> Judge | None:
    """The judge in service; None where there is none that may be used, or its file can't be read."""
    record = await get_serving_judge(database)
    if record is None or not record.usable or record.stale:
        return None
    try:
        return await asyncio.to_thread(Judge.load, judge_file(folder, record.digest))
    except JudgeError as error:
        log.warning("rows are weighed without the judge: %s", error)
        return None
