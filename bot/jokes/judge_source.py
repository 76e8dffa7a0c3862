"""The judge in service: the one that chooses among candidates now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.judge.scorer import Judge


@dataclass(frozen=True)
class JokeContext:
    """For whom a joke is made: what the judge may know beside the text."""

    chat_id: int
    user_id: int
    language: str
    style: str
    caption: str | None


@dataclass(frozen=True, eq=False)
class ServedJudge:
    """A judge and its number in the registry."""

    id: int
    judge: "Judge"

    def score(self, texts: Sequence[str], context: JokeContext) -> list[float]:
        """P(liked) of each text. Takes milliseconds; call it in a thread."""
        from storage.judge.scorer import Candidate, JudgeContext  # not at the start: they import NumPy

        known = JudgeContext(context.chat_id, context.user_id, context.language, context.style, context.caption)
        return [float(score) for score in self.judge.score([Candidate(text) for text in texts], known)]


class JudgeSource:
    """Holds the judge in service; `current` is None while there is no usable one."""

    def __init__(self, current: ServedJudge | None = None) -> None:
        self.current = current
