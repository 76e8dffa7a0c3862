"""A dataset's manifest: an entry for each row with joke, ratings and model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from configs.settings import SelectionSettings
from storage.learning.dataset_files import FORMAT, DatasetContents, Row, digest
from storage.learning.datasets import RecordRow
from storage.learning.rating_arrays import DatasetSource
from trainer.dataset.rows import prompts_now
from trainer.selection.empirical_bayes import VarianceComponents

Entry = dict[str, Any]
WeightedRating = tuple[int, int, float | None]
"""User, value 1…3, and weight 0…1; the weight is None if the rating was too old to count."""


@dataclass
class AnonymousRaters:
    """Numbers for users, so that a manifest names its raters anonymously."""

    numbers: dict[int, int] = field(default_factory=dict)

    def number(self, user_id: int) -> int:
        return self.numbers.setdefault(user_id, len(self.numbers))

    def users(self) -> dict[int, int]:
        """User by number."""
        return {number: person for person, number in self.numbers.items()}


@dataclass(frozen=True)
class ScoredJoke:
    """A joke for a dataset: its part, its ratings, and its scores in the selection.

    `posterior` and `mean` are None for a joke without recent ratings; `pivotal_raters` are the users without whose
    rating it would not be selected; `weight` is the row's in the training loss, None for a held-out row. `votes` are
    the voters who could choose the joke on a ballot, whether they did, and the weight.
    """

    source: DatasetSource
    part: str
    origin: str
    ratings: Sequence[WeightedRating]
    posterior: float | None = None
    mean: float | None = None
    pivotal_raters: Sequence[int] = ()
    weight: float | None = None
    votes: Sequence[tuple[int, bool, float]] = ()

    @property
    def row_id(self) -> str:
        return f"joke-{self.source.joke_id}"

    def record(self) -> RecordRow:
        return RecordRow(self.row_id, self.part, self.source.joke_id)

    def entry(self, row: Row, raters: AnonymousRaters) -> Entry:
        """The manifest's entry for the row."""
        source = self.source
        return {
            "id": row["id"],
            "part": self.part,
            "origin": self.origin,
            "digest": digest(row),
            "joke": source.joke_id,
            "photo": source.photo.sha256,
            "author": "user" if source.model_id is None else "model",
            "model": None if source.model_id is None else {"id": source.model_id, "name": source.model},
            "language": source.language,
            "style": source.style,
            **({} if source.seen is None else {"seen": source.seen}),
            "prompt_as_today": source.prompt in prompts_now(source.language, source.style, source.caption, source.seen),
            "ratings": [
                {"rater": raters.number(person), "value": value, "weight": None if weight is None else round(weight, 4)}
                for person, value, weight in self.ratings
            ]
            + [
                {"rater": raters.number(person), "voted": voted, "weight": round(weight, 4)}
                for person, voted, weight in self.votes
            ],
            "mean": None if self.mean is None else round(self.mean, 4),
            "posterior": None if self.posterior is None else round(self.posterior, 4),
            "decided_by": sorted(raters.number(person) for person in self.pivotal_raters),
            **({"not_shown": list(source.not_shown)} if source.not_shown else {}),
        }


def build_contents(
    source: str, train: Sequence[tuple[Row, Entry]], holdout: Sequence[tuple[Row, Entry]], **facts: Any
) -> DatasetContents:
    """Combine rows, their manifest entries and further facts to a dataset's contents."""
    manifest = {
        "format": FORMAT,
        "source": source,
        "counts": {"train": len(train), "holdout": len(holdout)},
        **facts,
        "rows": [entry for _, entry in (*train, *holdout)],
    }
    return DatasetContents([row for row, _ in train], [row for row, _ in holdout], manifest)


def selection_facts(
    settings: SelectionSettings, pool: VarianceComponents, people: int, ratings: int, lifted: bool
) -> dict[str, Any]:
    """The manifest's facts on the selection: settings, variance components, and whether the cap per user was lifted."""
    note = (
        (
            f"Fewer than {settings.max_user_share_min_users} people have rated, so one person may decide more than "
            f"{settings.max_user_share:.0%} of the rows."
        )
        if lifted
        else ""
    )
    return {
        "selection": settings.stored(),
        "person_share_lifted": lifted,
        "note": note,
        "pool": {
            "people": people,
            "ratings": ratings,
            **{name: round(value, 6) for name, value in asdict(pool).items()},
        },
    }


def sorted_counts(*counts: dict[str, int]) -> dict[str, int]:
    """Reasons with their counts, most frequent first, without zero counts."""
    merged = {reason: count for part in counts for reason, count in part.items() if count}
    return dict(sorted(merged.items(), key=lambda item: (-item[1], item[0])))
