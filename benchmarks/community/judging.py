"""The product's judge in a simulation: fitted on the database at night, frozen during a trial."""

from collections.abc import Sequence

import numpy as np

from benchmarks.community.world import Photo
from storage.judge.scorer import Candidate, Judge, JudgeContext

LANGUAGE, STYLE = "en", "witty"


class JudgeScorer:
    """A judge as a `Scorer`: texts are scored with what the bot knows of a fresh photo."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def score(self, texts: Sequence[str], photos: Sequence[Photo]) -> Sequence[float]:
        """P(liked) of texts (n), each for a photo (n)."""
        people = np.array([photo.user_id for photo in photos])
        scores = np.empty(len(texts))
        for user_id in np.unique(people):
            index = np.flatnonzero(people == user_id)
            context = JudgeContext(photos[index[0]].chat_id, int(user_id), LANGUAGE, STYLE)
            scores[index] = self._judge.score([Candidate(texts[number]) for number in index], context)
        return scores.tolist()
