"""The product's judge in a simulation: its schedule, its fit and its registry, without a process of its own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.community.records import LANGUAGE, STYLE
from benchmarks.community.world import Photo
from bot.jokes.judge_source import StoredJudgeSource
from bot.retraining.judge_fitting import JudgeFitter
from configs.settings import Settings
from storage.database import Database
from storage.judge.scorer import Candidate, Judge, JudgeContext
from trainer.judge.versions import fit_new_version


class JudgeScorer:
    """A judge as a `Scorer`."""

    def __init__(self, judge: Judge, bound: float) -> None:
        self._judge, self.bound = judge, bound

    def score(self, texts: Sequence[Sequence[str]], photos: Sequence[Photo]) -> list[list[float]]:
        """P(liked) of the candidates of each photo."""
        contexts = [JudgeContext(photo.chat_id, photo.user_id, LANGUAGE, STYLE) for photo in photos]
        scores = self._judge.score_photos([[Candidate(text) for text in some] for some in texts], contexts)
        ends = np.cumsum([len(some) for some in texts])
        return [part.tolist() for part in np.split(scores, ends[:-1])]


class SimulatedFitter(JudgeFitter):
    """Fits in this process what the bot fits in another one; `step` is called after each rating and at night."""

    def __init__(self, database: Database, settings: Settings, folder: Path) -> None:
        super().__init__(database, settings, StoredJudgeSource(database, folder))
        self._judge_settings, self._folder = settings.judge, folder

    @property
    def judge_id(self) -> int | None:
        """The id of the judge that chooses now; None without one."""
        return self.source.current.id if self.source.current else None

    @property
    def scorer(self) -> JudgeScorer | None:
        """The judge that chooses now; None without one."""
        served = self.source.current
        return JudgeScorer(served.judge, served.bound) if served else None

    async def _fit(self) -> None:
        await fit_new_version(self._database, self._folder, self._judge_settings)
