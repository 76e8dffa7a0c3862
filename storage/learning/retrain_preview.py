"""What a run would train on if it began now.

`jokebot retrain --dry-run --json` computes it in the train environment; the bot reads it.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from configs.errors import JokebotError


class PreviewError(JokebotError):
    """The preview can't be computed; the message says why."""


@dataclass(frozen=True)
class RetrainPreview:
    """Jokes that would be selected: `new` ones (`fresh` of them in no dataset so far) and `replayed` ones of earlier
    datasets, rated by `people` users. `jokes` are the ids of the new ones, best first.

    `training` is how long the training will take: `seconds` and their `basis` (trainer/pipeline/duration_estimate.py);
    None where unknown. An export also checks each row (picture, length, repetitions) and may leave out a few more.
    """

    new: int
    fresh: int
    replayed: int
    people: int
    jokes: tuple[int, ...] = ()
    training: Mapping[str, Any] | None = None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises PreviewError for a text that is none of `to_json`."""
        try:
            preview = cls(**json.loads(text))
            return dataclasses.replace(preview, jokes=tuple(preview.jokes))
        except (ValueError, TypeError) as error:
            raise PreviewError(f"This is no preview of a run: {text[:200]!r}.") from error

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))
