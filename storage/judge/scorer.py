"""The judge: estimates how likely users are to like a joke. NumPy only, so the bot can use it for a fresh photo."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.judge import artifact
from storage.judge.artifact import JudgeError
from storage.judge.dense_features import dense_features
from storage.judge.features import COLUMNS, SIGNATURE_COLUMNS, FloatArray, IndexArray, signatures, text_features

FORMAT = 1


@dataclass(frozen=True)
class Candidate:
    """A text that could be shown; `logprob` is the mean log-probability of its tokens, None if unknown."""

    text: str
    logprob: float | None = None


@dataclass(frozen=True)
class JudgeContext:
    """For whom candidates are scored: what the bot knows of a fresh photo. `language` is a code of prompts.toml."""

    chat_id: int
    user_id: int
    language: str
    style: str
    caption: str | None = None


@dataclass(frozen=True)
class PersonalEffects:
    """Effects of n users or chats: their ids (ascending), how much they like jokes in general, and their tastes.

    `offset` is (n), `taste` (n, SIGNATURE_COLUMNS), the weights of a text's short form.
    """

    ids: IndexArray
    offset: FloatArray
    taste: FloatArray

    @classmethod
    def none(cls) -> "PersonalEffects":
        """No effects."""
        return cls(np.empty(0, np.int64), np.empty(0), np.empty((0, SIGNATURE_COLUMNS)))

    def find(self, identifier: int) -> int | None:
        """The index of an id, or None."""
        index = int(np.searchsorted(self.ids, identifier))
        return index if index < len(self.ids) and self.ids[index] == identifier else None

    def without(self, forgotten: IndexArray) -> "PersonalEffects":
        """The effects of all others."""
        stays = ~np.isin(self.ids, forgotten)
        return PersonalEffects(self.ids[stays], self.offset[stays], self.taste[stays])


@dataclass(frozen=True)
class Judge:
    """A fitted judge, immutable. `trainer/judge/fit.py` makes it.

    The probability that a joke is liked is the logistic function of `intercept` + `scale` × (text + dense + style's +
    user's or group's part). `weights` (COLUMNS) belong to storage.judge.features, `dense` and `specificity` to
    storage.judge.dense_features. A group's part includes the tastes of the users who rate in it; `members` (m, 2) has
    the ids of groups and these users.
    """

    weights: FloatArray
    dense: FloatArray
    specificity: FloatArray
    intercept: float
    scale: float
    styles: dict[str, float]
    users: PersonalEffects
    chats: PersonalEffects
    members: IndexArray
    measures: dict[str, Any]

    @property
    def usable(self) -> bool:
        """Whether the lower confidence bound of its pair accuracy on held-out photos is above chance."""
        return bool(self.measures.get("usable", False))

    @cached_property
    def version(self) -> str:
        """The digest of its content."""
        return artifact.digest_of(self.encode())

    def score(self, candidates: Sequence[Candidate], context: JudgeContext) -> FloatArray:
        """P(liked) of each candidate (n) for one photo in this context. Candidates are compared with each other."""
        return self.score_photos([candidates], [context])

    def score_photos(self, photos: Sequence[Sequence[Candidate]], contexts: Sequence[JudgeContext]) -> FloatArray:
        """P(liked) of the candidates of several photos, each photo with its context; the photos' scores in one array.

        Equal to `score` for each photo, and faster.
        """
        flat = [candidate for candidates in photos for candidate in candidates]
        group = np.repeat(np.arange(len(photos)), [len(candidates) for candidates in photos])
        texts = [candidate.text for candidate in flat]
        logprob = np.array([np.nan if each.logprob is None else each.logprob for each in flat], float)
        rows, captions = text_features(texts), [contexts[photo].caption for photo in group]
        total = rows.dot(self.weights) + self._dense_part(texts, group, captions, logprob)
        total += np.array([self.styles.get(style_key(context), 0.0) for context in contexts])[group]
        taste = signatures(rows)
        for photo, context in enumerate(contexts):
            private = context.chat_id == context.user_id > 0  # a group may be its own sender
            effects = self.users if private else self.chats
            index = effects.find(context.chat_id)
            if index is not None:
                own = group == photo
                total[own] += effects.offset[index] + taste[own] @ effects.taste[index]
        return 1 / (1 + np.exp(-(self.intercept + self.scale * total)))

    def _dense_part(
        self, texts: Sequence[str], group: IndexArray, captions: Sequence[str | None], logprob: FloatArray
    ) -> FloatArray:
        return dense_features(texts, group, captions, logprob, self.specificity) @ self.dense

    def people(self) -> list[int]:
        """The ids of all users in it."""
        return np.union1d(self.users.ids, self.members[:, 1]).tolist()

    def without_people(self, users: Sequence[int], chats: Sequence[int] = ()) -> "Judge":
        """The same judge without the effects of these users and chats, and of the groups in which the users rated."""
        gone = np.asarray(users, np.int64)
        mixed = self.members[np.isin(self.members[:, 1], gone), 0]
        lost = np.union1d(mixed, np.asarray(chats, np.int64))
        stays = ~np.isin(self.members[:, 0], lost)
        return replace(
            self, users=self.users.without(gone), chats=self.chats.without(lost), members=self.members[stays]
        )

    def encode(self) -> bytes:
        """The content of its file."""
        meta = {
            "format": FORMAT,
            "intercept": self.intercept,
            "scale": self.scale,
            "styles": self.styles,
            "measures": self.measures,
        }
        arrays = {"weights": self.weights, "dense": self.dense, "specificity": self.specificity}
        small = {name: array.astype(np.float32) for name, array in arrays.items()}
        whole: dict[str, NDArray[Any]] = {**small, "members": self.members}
        for name, effects in (("users", self.users), ("chats", self.chats)):
            whole |= {
                f"{name}_ids": effects.ids,
                f"{name}_offset": effects.offset.astype(np.float32),
                f"{name}_taste": effects.taste.astype(np.float32),
            }
        return artifact.encode(meta, whole)

    def save(self, path: Path) -> None:
        """Write its file; a kill leaves the old file or the new one. Raises OSError."""
        artifact.write_atomically(path, self.encode())

    @classmethod
    def load(cls, path: Path) -> "Judge":
        """Read a file. Raises JudgeError if it is missing, damaged or foreign."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise JudgeError(f"The judge {path} can't be read: {error.strerror}.") from error
        return cls.decode(data, str(path))

    @classmethod
    def decode(cls, data: bytes, where: str = "The file") -> "Judge":
        """The judge in the content of a file. Raises JudgeError if it is damaged or foreign."""
        meta, arrays = artifact.decode(data, where)
        try:
            users, chats = (
                PersonalEffects(arrays[f"{name}_ids"], arrays[f"{name}_offset"], arrays[f"{name}_taste"])
                for name in ("users", "chats")
            )
            judge = cls(
                arrays["weights"],
                arrays["dense"],
                arrays["specificity"],
                float(meta["intercept"]),
                float(meta["scale"]),
                dict(meta["styles"]),
                users,
                chats,
                arrays["members"],
                dict(meta["measures"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise JudgeError(f"{where} is no judge of this version of Jokebot: {error}.") from error
        if meta["format"] != FORMAT or judge.weights.shape != (COLUMNS,):
            raise JudgeError(f"{where} is a judge of another version of Jokebot.")
        return judge


def style_key(context: JudgeContext) -> str:
    """The name of a style's effect: styles of two languages differ."""
    return f"{context.language} {context.style}"
