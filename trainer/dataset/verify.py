"""Converts selected jokes to rows and checks them. Each picture is decoded once."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from configs.blocklist import BlockList
from storage.learning.dataset_files import Row
from storage.media.photos import Photo, photo_path
from trainer.dataset.manifest import AnonymousRaters, Entry, ScoredJoke
from trainer.dataset.rows import RowError, check_picture, make_row, picture_name
from trainer.dataset.token_budget import TokenBudget
from trainer.selection.composition import text_key
from trainer.selection.holdout_split import HoldoutSplit

THREADS = 2
"""Pillow releases the interpreter's lock while it decodes."""


class RowVerifier:
    """The verified rows of a dataset; `failed` maps the ids of jokes that can't be written to reasons."""

    def __init__(self, photos: Path, budget: TokenBudget, blocked: BlockList) -> None:
        self.failed: dict[int, str] = {}
        self._photos, self._budget, self._blocked = photos, budget, blocked
        self._rows: dict[int, tuple[ScoredJoke, Row]] = {}
        self._pictures: dict[int, str | None] = {}

    def add(self, jokes: Iterable[ScoredJoke]) -> dict[int, str]:
        """Verify jokes that were not verified before; returns those that fail now, with their reasons."""
        fresh = [
            item for item in jokes if item.source.joke_id not in self._rows and item.source.joke_id not in self.failed
        ]
        photos = {
            item.source.photo.id: item.source.photo for item in fresh if item.source.photo.id not in self._pictures
        }
        with ThreadPoolExecutor(THREADS) as pool:
            self._pictures.update(zip(photos, pool.map(self._problem_of, photos.values()), strict=True))
        failed = {}
        for item in fresh:
            try:
                self._rows[item.source.joke_id] = item, self._row(item)
            except RowError as error:
                failed[item.source.joke_id] = str(error)
        self.failed.update(failed)
        return failed

    def entries(self, jokes: Sequence[ScoredJoke], raters: AnonymousRaters) -> list[tuple[Row, Entry]]:
        """The rows of these jokes in this order, each with its manifest entry, without jokes that failed."""
        rows = [self._rows[item.source.joke_id] for item in jokes if item.source.joke_id in self._rows]
        return [(row, item.entry(row, raters)) for item, row in rows]

    def _row(self, item: ScoredJoke) -> Row:
        photo = item.source.photo
        if problem := self._pictures[photo.id]:
            raise RowError(problem)
        if self._blocked.hit(item.source.text, item.source.language):
            raise RowError("it is on the block list")
        return make_row(
            item.row_id,
            picture_name(photo.sha256),
            (photo.width, photo.height),
            item.source.prompt,
            item.source.text,
            self._budget,
            item.weight,
        )

    def _problem_of(self, photo: Photo) -> str | None:
        try:
            check_picture(photo_path(self._photos, photo), (photo.width, photo.height), photo.sha256)
        except RowError as error:
            return str(error)
        return None


def find_repeats(jokes: Sequence[ScoredJoke], split: HoldoutSplit) -> dict[int, str]:
    """Jokes with the text of an earlier one about the same photo or a near-duplicate, with the reason."""
    groups = split.find(np.array([item.source.photo.id for item in jokes], np.int64))[0].tolist()
    seen: set[tuple[int, str]] = set()
    repeated = {}
    for item, group in zip(jokes, groups, strict=True):
        key = group, text_key(item.source.text) or item.source.text
        if key in seen:
            repeated[item.source.joke_id] = "it repeats another row"
        seen.add(key)
    return repeated
