"""The judge in service: the one that chooses among candidates now."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.database import Database
from storage.judge.registry import JudgeRecord, get_serving_judge, judge_file

if TYPE_CHECKING:
    from storage.judge.scorer import Judge

log = logging.getLogger(__name__)


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

    @property
    def bound(self) -> float:
        """The lower confidence bound of its accuracy on pairs; 0.5 if it was not measured."""
        return float(self.judge.measures.get("pair_accuracy_bound", 0.5))

    def score(self, texts: Sequence[str], context: JokeContext) -> list[float]:
        """P(liked) of each text. Takes milliseconds; call it in a thread."""
        from storage.judge.scorer import Candidate, JudgeContext  # not at the start: they import NumPy

        known = JudgeContext(context.chat_id, context.user_id, context.language, context.style, context.caption)
        return [float(score) for score in self.judge.score([Candidate(text) for text in texts], known)]


class JudgeSource:
    """Holds the judge in service; `current` is None while there is no usable one."""

    def __init__(self, current: ServedJudge | None = None) -> None:
        self.current = current


class StoredJudgeSource(JudgeSource):
    """The judge that the registry says is in service, read from the folder of judges by `refresh`."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__()
        self._database, self._folder = database, folder
        self._digest = ""
        self._loading = asyncio.Lock()

    async def refresh(self) -> None:
        """Load the judge in service if it has changed. A judge whose file can't be read is not used."""
        async with self._loading:
            record = await get_serving_judge(self._database)
            digest = record.digest if record and record.usable else ""
            if digest != self._digest:
                self.current = await asyncio.to_thread(_load, self._folder, record) if record and digest else None
                self._digest = digest if self.current or not digest else ""


def _load(folder: Path, record: JudgeRecord) -> ServedJudge | None:
    from storage.judge.artifact import JudgeError  # not at the start: they import NumPy
    from storage.judge.scorer import Judge

    try:
        return ServedJudge(record.id, Judge.load(judge_file(folder, record.digest)))
    except JudgeError as error:
        log.warning("no judge chooses until the next fit: %s", error)
        return None
