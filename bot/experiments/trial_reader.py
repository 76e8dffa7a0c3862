"""Reads a trial's data from the database and analyses it. NumPy is imported with the first analysis."""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.experiments.trial_design import SECONDS_A_DAY, TrialDecision, TrialDesign
from storage.database import Database
from storage.learning import trial_evidence
from storage.learning.trial_evidence import DuelPick, RatedJoke, ShownJoke
from storage.learning.trials import TrialRecord

if TYPE_CHECKING:
    from bot.experiments.trial_sums import TrialData


async def analyse_trial(database: Database, trial: TrialRecord, design: TrialDesign) -> TrialDecision:
    """One analysis of all that users did with the trial's jokes so far."""
    models = trial.champion_id, trial.candidate_id
    ratings = await trial_evidence.list_rated_jokes(database, models, trial.began_at)
    picks = await trial_evidence.list_duel_picks(database, trial)
    jokes = await trial_evidence.list_shown_jokes(database, models, trial.began_at) if design.engagement else []
    return await asyncio.to_thread(_decide, trial, design, ratings, picks, jokes)


def _decide(
    trial: TrialRecord,
    design: TrialDesign,
    ratings: Sequence[RatedJoke],
    picks: Sequence[DuelPick],
    jokes: Sequence[ShownJoke],
) -> TrialDecision:
    from bot.experiments.sequential_test import SequentialTest

    days = (time.time() - trial.began_at) / SECONDS_A_DAY
    data = make_trial_data(trial, design, ratings, picks, jokes)
    return SequentialTest(design).decide(data, days, trial.late_at is not None)


def make_trial_data(
    trial: TrialRecord,
    design: TrialDesign,
    ratings: Sequence[RatedJoke],
    picks: Sequence[DuelPick],
    jokes: Sequence[ShownJoke],
) -> "TrialData":
    """The rows as arrays, with the stage of each joke."""
    import numpy as np

    from bot.experiments.trial_sums import TrialData

    def stage(made_at: float) -> int:
        return design.stage_at(made_at, trial.began_at, trial.late_at)

    def is_candidate(model_id: int) -> int:
        return int(model_id == trial.candidate_id)

    rated = [
        (row.photo_id, stage(row.made_at), is_candidate(row.model_id), row.user_id, int(row.liked)) for row in ratings
    ]
    chosen = [(row.duel_id, stage(row.made_at), row.user_id, row.pick) for row in picks]
    shown = [(stage(row.made_at), is_candidate(row.model_id), row.ratings, int(row.again)) for row in jokes]
    return TrialData(
        np.array(rated, np.int64).reshape(-1, 5),
        np.array(chosen, np.int64).reshape(-1, 4),
        np.array(shown, np.int64).reshape(-1, 4),
    )
