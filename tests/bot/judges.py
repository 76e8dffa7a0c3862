"""Judges for tests, made by hand: real ones that like certain words."""

import numpy as np

from bot.jokes.judge_source import ServedJudge
from storage.judge.dense_features import DENSE, SPECIFICITY_COLUMNS
from storage.judge.features import COLUMNS, text_features
from storage.judge.scorer import Judge, PersonalEffects


def judge_that_likes(*words: str, id: int = 7) -> ServedJudge:
    """A judge that likes texts with these words, the first word most."""
    weights = np.zeros(COLUMNS)
    for strength, word in enumerate(reversed(words), 1):
        rows = text_features([word])
        np.add.at(weights, rows.column, 5.0 * strength * rows.value)
    nobody = PersonalEffects.none()
    measures = {"usable": True}
    blank, members = np.zeros(SPECIFICITY_COLUMNS), np.empty((0, 2), np.int64)
    return ServedJudge(id, Judge(weights, np.zeros(len(DENSE)), blank, 0.0, 1.0, {}, nobody, nobody, members, measures))
