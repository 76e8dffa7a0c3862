"""The product's judge in a simulation: fitted at night on what users did, frozen during a trial."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.community.records import ShownJoke
from benchmarks.community.world import Photo
from storage.judge.artifact import JudgeError
from storage.judge.observations import JokeColumns, Observations, SignalKind
from storage.judge.scorer import Candidate, Judge, JudgeContext
from trainer.judge.fit import fit_judge

LANGUAGE, STYLE = "en", "witty"


class JudgeScorer:
    """A judge as a `Scorer`: texts are scored with what the bot knows of a fresh photo."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def score(self, texts: Sequence[Sequence[str]], photos: Sequence[Photo]) -> list[list[float]]:
        """P(liked) of the candidates of each photo."""
        contexts = [JudgeContext(photo.chat_id, photo.user_id, LANGUAGE, STYLE) for photo in photos]
        scores = self.judge.score_photos([[Candidate(text) for text in some] for some in texts], contexts)
        ends = np.cumsum([len(some) for some in texts])
        return [part.tolist() for part in np.split(scores, ends[:-1])]


@dataclass
class ReactionLog:
    """Ratings and duels of a simulation, for the judge."""

    jokes: dict[int, ShownJoke] = field(default_factory=dict)
    ratings: list[tuple[int, int, int, float]] = field(default_factory=list)
    """Joke, user, value 1…3, time."""
    duels: list[tuple[int, int, int, float, float]] = field(default_factory=list)
    """Joke, other joke, user, value 0…1, time."""

    def observations(self) -> Observations:
        """The reactions as columns."""
        shown = list(self.jokes.values())
        index = {joke.id: number for number, joke in enumerate(shown)}
        count = len(shown)
        columns = JokeColumns(
            tuple(joke.chosen.text for joke in shown),
            np.array([joke.photo.id for joke in shown], np.int64),
            np.array([joke.model_id for joke in shown], np.int64),
            (LANGUAGE,) * count,
            (STYLE,) * count,
            (None,) * count,
            np.array([joke.chosen.random or not joke.chosen.others for joke in shown]),
            np.array([joke.chosen.propensity for joke in shown]),
            np.full(count, np.nan),
            tuple(joke.chosen.others for joke in shown),
        )
        rows = [
            (SignalKind.RATING, index[joke], -1, user, (value - 1) / 2, at) for joke, user, value, at in self.ratings
        ] + [
            (SignalKind.DUEL, index[joke], index[other], user, value, at) for joke, other, user, value, at in self.duels
        ]
        kind, joke, other, user, value, at = (np.array(column) for column in zip(*rows, strict=True))
        chat = np.array([shown[number].photo.chat_id for number in joke], np.int64)
        return Observations(
            columns, kind.astype(np.int64), joke, other, user, chat, value.astype(float), at.astype(float)
        )


def fit_scorer(log: ReactionLog) -> JudgeScorer | None:
    """A judge fitted on the log; None if there are no ratings or it is not usable."""
    try:
        judge = fit_judge(log.observations())
    except (JudgeError, ValueError):
        return None
    return JudgeScorer(judge) if judge.usable else None
