"""Judges for tests, made by hand: real ones that like certain words."""

from dataclasses import fields

import numpy as np

from bot.jokes.judge_source import ServedJudge
from storage.judge.dense_features import DENSE, SPECIFICITY_COLUMNS
from storage.judge.features import COLUMNS, text_features
from storage.judge.scorer import Judge, PersonalEffects


def make_judge(*words: str) -> Judge:
    """A judge that likes texts with these words, the first word most."""
    weights = np.zeros(COLUMNS)
    for strength, word in enumerate(reversed(words), 1):
        rows = text_features([word])
        np.add.at(weights, rows.column, 5.0 * strength * rows.value)
    values = {
        "weights": weights,
        "dense": np.zeros(len(DENSE)),
        "specificity": np.zeros(SPECIFICITY_COLUMNS),
        "intercept": 0.0,
        "scale": 1.0,
        "styles": {},
        "users": PersonalEffects.none(),
        "chats": PersonalEffects.none(),
        "members": np.empty((0, 2), np.int64),
        "measures": {"usable": True},
    }
    return Judge(**{field.name: values[field.name] for field in fields(Judge)})


def judge_that_likes(*words: str, id: int = 7) -> ServedJudge:
    """The same, as the judge in service."""
    return ServedJudge(id, make_judge(*words))
