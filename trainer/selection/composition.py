"""Selects the jokes of a dataset among the good ones.

`select_jokes` takes new jokes, best first, then a random sample of jokes that a model was trained on before, within
limits per photo, per group of near-duplicates, per user who decides them and per user who wrote them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from configs.settings import SelectionSettings
from storage.learning.rating_arrays import NO_AUTHOR
from storage.learning.splits import SIDES
from trainer.selection.holdout_split import HoldoutSplit
from trainer.selection.scoring import JokeScores


@dataclass(frozen=True)
class SelectedJokes:
    """Indices of new jokes, best first, and of replayed ones; numbers of excluded jokes by reason."""

    new: list[int]
    replayed: list[int]
    excluded: dict[str, int]
    person_share_lifted: bool


@dataclass(frozen=True)
class SelectionLimits:
    """Limits of a selection: photo, group, text key, author and pivotal raters by joke, and the caps for each.

    A joke with an empty text key is not limited by its text, one without author (NO_AUTHOR) not by that. An author has
    one joke of a photo.
    """

    photo: list[int]
    group: list[int]
    text: list[str]
    author: list[int]
    pivotal_raters: dict[int, list[int]]
    per_photo: int
    per_group: int
    per_text: int
    per_author: int


def select_jokes(
    scores: JokeScores,
    split: HoldoutSplit,
    learnt: Collection[int],
    settings: SelectionSettings,
    unusable: Collection[int] = (),
    *,
    texts: Mapping[int, str] | None = None,
    replay_all: bool = False,
) -> SelectedJokes:
    """Choose the jokes of a dataset.

    `learnt` are ids of jokes that a model was trained on, `unusable` ids of jokes that can't be written. `texts` are
    the good jokes' texts by id; without them, equal texts are not limited. For each new joke `replay_per_new` learnt
    ones are replayed; with `replay_all`, as many as fit beside the new ones.
    """
    evidence = scores.evidence
    group, side = split.find(evidence.photo_ids)
    usable = scores.good & (side == SIDES.index("train")) & ~np.isin(evidence.joke_ids, list(unusable))
    old = np.isin(evidence.joke_ids, list(learnt))
    ranked = np.lexsort((evidence.joke_ids, -scores.posterior))
    new_jokes = ranked[(usable & ~old)[ranked]]
    old_jokes = np.random.default_rng(len(learnt)).permutation(np.flatnonzero(usable & old))
    new_rows, old_rows = row_limits(len(new_jokes), len(old_jokes), settings, replay_all)
    caps = selection_limits(scores, group.tolist(), texts or {}, settings)
    old_per_new = settings.max_rows if replay_all else settings.replay_per_new
    selection = GreedySelection(new_jokes.tolist(), old_jokes.tolist(), new_rows, old_rows, old_per_new, caps)
    lifted = len(evidence.user_ids) < settings.max_user_share_min_users
    capped = None if lifted else settings.max_user_share
    new, replayed, excluded = selection.run(None) if capped is None else select_with_user_cap(selection, capped)
    sides = {
        f"photo {word}": int((scores.good & (side == SIDES.index(name))).sum())
        for word, name in (("held out", "holdout"), ("near to both sides", "neither"))
    }
    return SelectedJokes(new, replayed, {**sides, **excluded}, lifted)


def selection_limits(
    scores: JokeScores, group: list[int], texts: Mapping[int, str], settings: SelectionSettings
) -> SelectionLimits:
    """The limits of the settings, for jokes with these groups of near-duplicates and texts by id."""
    evidence = scores.evidence
    return SelectionLimits(
        evidence.photo_ids.tolist(),
        group,
        [text_key(texts.get(joke, "")) for joke in evidence.joke_ids.tolist()],
        [NO_AUTHOR] * len(evidence.joke_ids) if evidence.author_ids is None else evidence.author_ids.tolist(),
        scores.pivotal_raters,
        settings.max_jokes_per_photo,
        settings.max_jokes_per_group,
        settings.max_jokes_per_text,
        settings.max_jokes_per_author,
    )


def text_key(text: str) -> str:
    """The letters and digits of a text in lower case: equal for texts that differ in case, spaces, marks or emoji."""
    return "".join(character for character in text.casefold() if character.isalnum())


def row_limits(new_jokes: int, old_jokes: int, settings: SelectionSettings, replay_all: bool) -> tuple[int, int]:
    """Maximum numbers of new rows (at least 1) and of replayed rows, with room left for imported ones.

    With `replay_all`, replayed rows get the room that the new jokes don't use.
    """
    parts = 1 + settings.replay_per_new + settings.imported_per_new
    old_rows = min(old_jokes, int(settings.max_rows * settings.replay_per_new / parts))
    imported_rows = int(settings.max_rows * settings.imported_per_new / parts)
    new_rows = max(settings.max_rows - old_rows - imported_rows, 1)
    if replay_all:
        old_rows = max(old_rows, settings.max_rows - imported_rows - min(new_jokes, new_rows))
    return new_rows, old_rows


@dataclass(frozen=True)
class RowCounts:
    """Numbers of selected rows by photo, group, text and author, and of rows that a user decides."""

    photos: Counter[int] = field(default_factory=Counter)
    groups: Counter[int] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    people: Counter[int] = field(default_factory=Counter)
    authors: Counter[int] = field(default_factory=Counter)
    authors_on_photos: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, photo: int, group: int, text: str, author: int, pivotal: Iterable[int]) -> None:
        """Count a selected row."""
        self.photos[photo] += 1
        self.groups[group] += 1
        self.texts[text] += 1
        self.authors[author] += 1
        self.authors_on_photos[author, photo] += 1
        self.people.update(pivotal)


@dataclass(frozen=True)
class GreedySelection:
    """Selects jokes in order, as the limits allow."""

    new: list[int]
    old: list[int]
    new_rows: int
    old_rows: int
    old_per_new: float
    caps: SelectionLimits

    def run(self, max_per_user: int | None) -> tuple[list[int], list[int], dict[str, int]]:
        """New jokes, old jokes, and counts of excluded ones by reason.

        One user is pivotal for at most `max_per_user` jokes; None for no limit.
        """
        counts = RowCounts()
        excluded: Counter[str] = Counter()
        new = self._take(self.new, self.new_rows, max_per_user, counts, excluded)
        old = self._take(
            self.old, min(self.old_rows, round(self.old_per_new * len(new))), max_per_user, counts, excluded
        )
        return new, old, dict(excluded)

    def _take(
        self,
        jokes: Iterable[int],
        rows: int,
        max_per_user: int | None,
        counts: RowCounts,
        excluded: Counter[str],
    ) -> list[int]:
        caps = self.caps
        selected: list[int] = []
        for joke in jokes:
            photo, group, text, author = caps.photo[joke], caps.group[joke], caps.text[joke], caps.author[joke]
            pivotal = caps.pivotal_raters.get(joke, ())
            if len(selected) >= rows:
                excluded["no room"] += 1
            elif counts.photos[photo] >= caps.per_photo or counts.groups[group] >= caps.per_group:
                excluded["enough of its photo"] += 1
            elif text and counts.texts[text] >= caps.per_text:
                excluded["enough of its text"] += 1
            elif author != NO_AUTHOR and (
                counts.authors[author] >= caps.per_author or counts.authors_on_photos[author, photo]
            ):
                excluded["enough by its author"] += 1
            elif max_per_user is not None and any(counts.people[person] >= max_per_user for person in pivotal):
                excluded["enough decided by one person"] += 1
            else:
                selected.append(joke)
                counts.add(photo, group, text, author, pivotal)
        return selected


def select_with_user_cap(selection: GreedySelection, share: float) -> tuple[list[int], list[int], dict[str, int]]:
    """The largest selection in which no user is pivotal for more than `share`, by bisection over the cap per user."""
    low, high = 0, int(share * (selection.new_rows + selection.old_rows)) + 1
    best = selection.run(0)
    while high - low > 1:
        middle = (low + high) // 2
        choice = selection.run(middle)
        if middle <= share * (len(choice[0]) + len(choice[1])) + 1e-9:
            low, best = middle, choice
        else:
            high = middle
    return best
