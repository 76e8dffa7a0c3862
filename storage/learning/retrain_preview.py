"""What a run would train on if it began now.

`jokebot retrain --dry-run --json` computes it in the train environment; the bot reads it.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from configs.errors import JokebotError


class PreviewError(JokebotError):
    """The preview can't be computed; the message has the cause."""


@dataclass(frozen=True)
class RetrainPreview:
    """Numbers of jokes that a run would select.

    `new` jokes (`fresh` of them in no dataset so far) and `replayed` ones of earlier datasets are rated by `people`
    users. `jokes` are the ids of the new ones, best first. `training` is the estimated duration: `seconds` and their
    `basis` (trainer/pipeline/duration_estimate.py); None if unknown. `left_out` are numbers of liked jokes that are not
    taken, by reason (`SelectedJokes.excluded` in trainer/selection/composition.py). An export also checks each row
    (picture, length, repetitions) and may exclude a few more.
    """

    new: int
    fresh: int
    replayed: int
    people: int
    jokes: tuple[int, ...] = ()
    training: Mapping[str, Any] | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Decode the output of `to_json`. Raises PreviewError for other text."""
        try:
            preview = cls(**json.loads(text))
            return dataclasses.replace(preview, jokes=tuple(preview.jokes))
        except (ValueError, TypeError) as error:
            raise PreviewError(f"This is not a preview of a run: {text[:200]!r}.") from error

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))
