"""The gate's data: a dataset's held-out photos with their rated jokes, and the training texts."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from configs.prompts import load_prompts
from storage.chat.ratings import LIKED
from storage.learning.dataset_files import DatasetContents, Row, read_dataset
from trainer.dataset.rows import RowError, texts_of
from trainer.gate.text_metrics import ReferenceTexts, main_language


@dataclass(frozen=True)
class HoldoutJoke:
    """A held-out joke with its prompt; `liking` is its share of liked ratings, 1 for an imported joke.

    `seen` is what the recogniser saw in the photo (configs/prompts.py).
    """

    prompt: str
    text: str
    language: str
    liking: float
    seen: str | None = None

    @property
    def liked(self) -> bool:
        return self.liking > 0.5

    @property
    def disliked(self) -> bool:
        return self.liking < 0.5


@dataclass(frozen=True)
class HoldoutPhoto:
    """A held-out photo: `name` in the dataset, and its jokes."""

    name: str
    path: Path
    jokes: tuple[HoldoutJoke, ...]

    @property
    def telling(self) -> int:
        """Information content: 2 with liked and disliked jokes of one language, 1 with a liked joke, else 0."""
        liked = any(joke.liked for joke in self.jokes)
        return 2 if self.pairs() else int(liked)

    @property
    def seen(self) -> str | None:
        """What the recogniser saw in the photo for the latest of its jokes that it was asked for."""
        return next((joke.seen for joke in reversed(self.jokes) if joke.seen is not None), None)

    def pairs(self) -> list[tuple[int, int]]:
        """Index pairs of a liked and a disliked joke of one language."""
        return [
            (first, second)
            for first, good in enumerate(self.jokes)
            if good.liked
            for second, bad in enumerate(self.jokes)
            if bad.disliked and bad.language == good.language
        ]


@dataclass(frozen=True)
class HoldoutData:
    """The held-out photos, the (picture, text) pairs of training rows, and the requested languages, most used first."""

    photos: list[HoldoutPhoto]
    training: list[tuple[str, str]]
    languages: list[str]

    @cached_property
    def corpus(self) -> ReferenceTexts:
        """The training texts, to be searched for copies."""
        return ReferenceTexts(self.training)


def read_held_out(dataset: Path, limit: int) -> HoldoutData:
    """At most `limit` held-out photos, the most informative first. Raises DatasetError if the dataset can't be read."""
    contents = read_dataset(dataset)
    entries = {entry["id"]: entry for entry in contents.manifest["rows"]}
    jokes: dict[str, list[HoldoutJoke]] = defaultdict(list)
    for row in contents.holdout:
        if (dataset / row["image"]).is_file():
            jokes[row["image"]].append(joke_of(row, entries.get(row["id"], {})))
    photos = sorted(
        (HoldoutPhoto(name, dataset / name, tuple(rated)) for name, rated in jokes.items()),
        key=lambda photo: (-photo.telling, photo.name),
    )
    return HoldoutData(photos[:limit], training_texts(contents), languages_of(contents, entries))


def joke_of(row: Row, entry: dict[str, Any]) -> HoldoutJoke:
    """The joke of a held-out row and its manifest entry. A row without ratings (imported) counts as liked."""
    prompt, text = texts_of(row)
    ratings = [rating["value"] for rating in entry.get("ratings", ()) if "value" in rating]
    liking = sum(value >= LIKED for value in ratings) / len(ratings) if ratings else 1.0
    return HoldoutJoke(prompt, text, entry.get("language") or main_language(prompt), liking, entry.get("seen"))


def training_texts(contents: DatasetContents) -> list[tuple[str, str]]:
    """Picture and text of each valid training row."""
    texts = []
    for row in contents.train:
        try:
            texts.append((row["image"], texts_of(row)[1]))
        except RowError:
            continue
    return texts


def languages_of(contents: DatasetContents, entries: dict[str, Any]) -> list[str]:
    """Languages with prompts that at least 5 % of the rows were requested in, most used first."""
    counts: dict[str, int] = defaultdict(int)
    rows = list(contents.rows())
    for row in rows:
        counts[entries.get(row["id"], {}).get("language") or main_language(texts_of(row)[0])] += 1
    known = load_prompts().languages
    return [
        code
        for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if code in known and 20 * count >= len(rows)
    ]
