"""The judge: estimates how likely users are to like a joke. NumPy only, so the bot can use it for a fresh photo."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

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

    def without(self, forgotten: Sequence[int]) -> "PersonalEffects":
        """The effects of all others."""
        stays = ~np.isin(self.ids, np.asarray(forgotten, np.int64))
        return PersonalEffects(self.ids[stays], self.offset[stays], self.taste[stays])


@dataclass(frozen=True)
class Judge:
    """A fitted judge, immutable. `trainer/judge/fit.py` makes it.

    The probability that a joke is liked is the logistic function of `intercept` + `scale` × (text + dense + style +
    chat's + user's part). `weights` (COLUMNS) belong to storage.judge.features, `dense` to
    storage.judge.dense_features, `rarity` (columns of words) to its comparison of candidates.
    """

    weights: FloatArray
    dense: FloatArray
    rarity: FloatArray
    intercept: float
    scale: float
    styles: dict[str, float]
    users: PersonalEffects
    chats: PersonalEffects
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
        """P(liked) of each candidate (n) in this context."""
        texts = [candidate.text for candidate in candidates]
        logprob = np.array([np.nan if each.logprob is None else each.logprob for each in candidates], float)
        together = np.zeros(len(texts), np.int64)
        rows, dense = (
            text_features(texts),
            dense_features(texts, together, [context.caption] * len(texts), logprob, self.rarity),
        )
        total = rows.dot(self.weights) + dense @ self.dense + self.styles.get(style_key(context), 0.0)
        taste = signatures(rows)
        for effects, identifier in ((self.users, context.user_id), (self.chats, context.chat_id)):
            index = effects.find(identifier)
            if index is not None and (effects is self.chats or context.chat_id == context.user_id):
                total = total + effects.offset[index] + taste @ effects.taste[index]
        return 1 / (1 + np.exp(-(self.intercept + self.scale * total)))

    def without_people(self, users: Sequence[int], chats: Sequence[int]) -> "Judge":
        """The same judge without the effects of these users and chats."""
        return replace(self, users=self.users.without(users), chats=self.chats.without(chats))

    def encode(self) -> bytes:
        """The content of its file."""
        meta = {
            "format": FORMAT,
            "intercept": self.intercept,
            "scale": self.scale,
            "styles": self.styles,
            "measures": self.measures,
        }
        arrays = {"weights": self.weights, "dense": self.dense, "rarity": self.rarity}
        small = {name: array.astype(np.float32) for name, array in arrays.items()}
        for name, effects in (("users", self.users), ("chats", self.chats)):
            small |= {
                f"{name}_ids": effects.ids,
                f"{name}_offset": effects.offset.astype(np.float32),
                f"{name}_taste": effects.taste.astype(np.float32),
            }
        return artifact.encode(meta, small)

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
            judge = cls(
                arrays["weights"],
                arrays["dense"],
                arrays["rarity"],
                float(meta["intercept"]),
                float(meta["scale"]),
                dict(meta["styles"]),
                *(
                    PersonalEffects(arrays[f"{name}_ids"], arrays[f"{name}_offset"], arrays[f"{name}_taste"])
                    for name in ("users", "chats")
                ),
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
