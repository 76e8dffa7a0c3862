"""What users did with jokes, as columns: the data that a judge is fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from storage.judge.features import FloatArray, IndexArray


class SignalKind(IntEnum):
    """How a user reacted to a joke."""

    RATING = 0
    """😂, 🙂 or 😐: value 1, 0.5 or 0."""
    DUEL = 1
    """A choice between two jokes: value 1 for `joke`, 0 for `other`, 0.5 for neither."""
    ANOTHER = 2
    """🔁, another joke about the photo, without a rating of this one: a weak dislike; the value is unused."""
    SILENCE = 3
    """No reaction of a user who acted in the chat within 30 minutes after the joke; the value is unused."""
    BALLOT = 4
    """An entry that a voter of a round could choose: value 1 if chosen, else 0. A ballot has several rows."""


@dataclass(frozen=True)
class JokeColumns:
    """J jokes, or other texts that could have been shown.

    `photos` and `models` (J) are ids; jokes of one photo have one number, and a punchline has model 0. `random` (J)
    marks jokes of models that no judge chose: the only one, or one drawn at random. `propensity` (J) is the probability
    with which the shown text was chosen among its candidates (1: there was one), `logprob` (J) its mean log-probability
    per token (NaN: unknown). `alternatives` has the texts of the other candidates, () where there were none.
    """

    texts: tuple[str, ...]
    photos: IndexArray
    models: IndexArray
    languages: tuple[str, ...]
    styles: tuple[str, ...]
    captions: tuple[str | None, ...]
    random: NDArray[np.bool_]
    propensity: FloatArray
    logprob: FloatArray
    alternatives: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(
        cls, texts: Sequence[str], photos: Sequence[int], *, language: str = "en", style: str = "", model: int = 0
    ) -> "JokeColumns":
        """Jokes of one model, language and style, each the only candidate."""
        count = len(texts)
        return cls(
            tuple(texts),
            np.asarray(photos, np.int64),
            np.full(count, model, np.int64),
            (language,) * count,
            (style,) * count,
            (None,) * count,
            np.ones(count, bool),
            np.ones(count),
            np.full(count, np.nan),
            ((),) * count,
        )


@dataclass(frozen=True)
class BallotColumns:
    """For n reactions of which some are of ballots (SignalKind.BALLOT).

    `ballot` (n) numbers a voter's ballots (-1: the reaction is of none), `place` (n) is the entry's place from -1 for
    the first to 1 for the last, `credit` (n, 0 to 1) how much the row counts.
    """

    ballot: IndexArray
    place: FloatArray
    credit: FloatArray


@dataclass(frozen=True)
class Observations:
    """n reactions to jokes.

    `kind` (n, SignalKind), `joke` (n, index into `jokes`), `other` (n, the joke of a duel that `joke` is compared with,
    else -1), `user` and `chat` (n, ids), `value` (n, 0 to 1, see SignalKind), `at` (n, seconds since 1970). `ballots`
    is None where no reaction is of a ballot.
    """

    jokes: JokeColumns
    kind: IndexArray
    joke: IndexArray
    other: IndexArray
    user: IndexArray
    chat: IndexArray
    value: FloatArray
    at: FloatArray
    ballots: BallotColumns | None = None

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def absolute(self) -> FloatArray:
        """1 for reactions (n) to one joke, 0 for comparisons: duels and ballots."""
        return ((self.other < 0) & (self.kind != SignalKind.BALLOT)).astype(float)

    @property
    def ratings(self) -> int:
        """Number of ratings and duel choices."""
        return int(np.isin(self.kind, (SignalKind.RATING, SignalKind.DUEL)).sum())

    @property
    def photo(self) -> IndexArray:
        """The photo (n) of each reaction."""
        return self.jokes.photos[self.joke]

    def select(self, mask: NDArray[np.bool_]) -> "Observations":
        """The reactions where `mask` (n) is true; the jokes stay, so that indices keep their meaning."""
        columns = {
            field.name: getattr(self, field.name)[mask]
            for field in fields(self)
            if field.name not in ("jokes", "ballots")
        }
        shown = self.ballots
        if shown is not None:
            shown = BallotColumns(shown.ballot[mask], shown.place[mask], shown.credit[mask])
        return replace(self, **columns, ballots=shown)

    def chosen_at_random(self) -> "Observations":
        """The reactions to jokes that no judge chose: the unbiased part."""
        rival = np.where(self.other >= 0, self.other, self.joke)
        return self.select(self.jokes.random[self.joke] & self.jokes.random[rival])

    @classmethod
    def of_ratings(
        cls,
        jokes: JokeColumns,
        joke: Sequence[int],
        user: Sequence[int],
        value: Sequence[float],
        *,
        chat: Sequence[int] | None = None,
    ) -> "Observations":
        """Ratings alone; without `chat` all are of one chat."""
        count = len(joke)
        return cls(
            jokes,
            np.full(count, SignalKind.RATING, np.int64),
            np.asarray(joke, np.int64),
            np.full(count, -1, np.int64),
            np.asarray(user, np.int64),
            np.zeros(count, np.int64) if chat is None else np.asarray(chat, np.int64),
            np.asarray(value, float),
            np.zeros(count),
        )
