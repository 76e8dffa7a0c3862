"""Preference pairs: two jokes about one photo of which users liked one better, for training with other tools.

A user who rated both jokes differently, chose one of them in a duel, or chose one and not the other on a ballot of a
round casts a vote. Different users' ratings of different jokes aren't compared: they differ by the user's leniency and
mood as well as by the joke. Votes of friends that don't count as points (storage.chat.ballots) don't count here.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np

from configs.blocklist import BlockList
from configs.control_tokens import CONTROL_TOKEN
from configs.settings import SelectionSettings
from storage.chat.ballots import Ballots, count_credits, read_ballots
from storage.database import Database
from storage.judge.reactions import read_duel_choices
from storage.learning import rating_arrays
from storage.learning.rating_arrays import DatasetSource, RatingArrays
from storage.learning.splits import SIDES
from storage.media.photos import Photo
from trainer.selection.composition import text_key
from trainer.selection.holdout_split import update_split

Pair = tuple[int, int]


@dataclass
class PairVotes:
    """Votes for the first and for the second joke of a pair, and for neither.

    `kinds` are among "ratings", "duels" and "ballots".
    """

    first: int = 0
    second: int = 0
    ties: int = 0
    kinds: set[str] = field(default_factory=set)

    def add(self, difference: float, kind: str) -> None:
        """A vote for the first joke (positive), the second (negative) or neither (0)."""
        self.first += difference > 0
        self.second += difference < 0
        self.ties += difference == 0
        self.kinds.add(kind)


@dataclass(frozen=True)
class PreferencePair:
    """A pair about `photo` with the prompt of both jokes. `part` is "train" or "test", where held-out photos are.

    `chosen_author` and `rejected_author` are "model" or "user"; the votes are numbers of users.
    """

    part: str
    photo: Photo
    language: str
    prompt: str
    chosen: str
    rejected: str
    chosen_author: str
    rejected_author: str
    votes_chosen: int
    votes_rejected: int
    ties: int
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class PreferenceData:
    """Pairs by part, and numbers of excluded pairs by reason."""

    pairs: tuple[PreferencePair, ...]
    excluded: dict[str, int]


async def read_preferences(
    database: Database,
    settings: SelectionSettings,
    blocked: BlockList,
    *,
    min_votes: int = 1,
    captions: bool = False,
    across_styles: bool = False,
) -> PreferenceData:
    """All pairs whose better joke has at least `min_votes` votes more than the other one.

    Excluded are data that may not be learnt from (storage.chat.consent), pairs of different languages or, unless
    `across_styles`, prompts, texts on the block list, and, unless `captions`, jokes that had a user's caption.
    """
    votes = await _read_votes(database)
    split = await update_split(
        database, share=settings.holdout_share, near_bits=settings.near_duplicate_bits, enough=settings.holdout_enough
    )
    sources = await rating_arrays.get_sources(database, {joke for pair in votes for joke in pair})
    photos = np.array([source.photo.id for source in sources.values()], np.int64)
    sides = dict(zip(photos.tolist(), split.find(photos)[1].tolist(), strict=True)) if len(photos) else {}
    pairs, excluded = [], Counter[str]()
    for pair, counted in sorted(votes.items()):
        chosen, rejected, counted = _oriented(pair, counted, sources)
        if chosen is None or rejected is None:
            continue
        reason = (
            _problem(chosen, rejected, blocked, captions=captions, across_styles=across_styles)
            or ("not enough votes for one of them" if counted.first - counted.second < min_votes else None)
            or ("its photo is near to both sides" if sides[chosen.photo.id] == SIDES.index("neither") else None)
        )
        part = "test" if sides[chosen.photo.id] == SIDES.index("holdout") else "train"
        if reason:
            excluded[reason] += 1
        else:
            pairs.append(_pair(part, chosen, rejected, counted))
    return PreferenceData(tuple(pairs), dict(excluded.most_common()))


async def _read_votes(database: Database) -> dict[Pair, PairVotes]:
    """The votes in ratings, duels and ballots."""
    votes = count_votes(await rating_arrays.read_ratings_since(database, 0.0))
    for first, second, value in await read_duel_choices(database):
        add_vote(votes, first, second, value - 0.5, "duels")
    for better, worse in ballot_pairs(await read_ballots(database)):
        add_vote(votes, better, worse, 1.0, "ballots")
    return votes


def count_votes(rated: RatingArrays) -> dict[Pair, PairVotes]:
    """The votes of users who rated several jokes about a photo, by pair of joke ids, the smaller id first."""
    votes: dict[Pair, PairVotes] = {}
    by_user: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    photos, jokes = rated.photo_ids[rated.joke].tolist(), rated.joke_ids[rated.joke].tolist()
    for photo, joke, rater, value in zip(photos, jokes, rated.rater.tolist(), rated.value.tolist(), strict=True):
        by_user[rater, photo].append((joke, value))
    for rows in by_user.values():
        for (first, liked), (second, other) in combinations(sorted(rows), 2):
            add_vote(votes, first, second, liked - other, "ratings")
    return votes


def ballot_pairs(ballots: Ballots) -> list[Pair]:
    """For each voter, the entries that the voter chose, each with every other one that the voter could choose."""
    kept = ballots.select((count_credits(ballots) == 1) | ~ballots.voted)
    joke = kept.entries.joke[kept.entry]
    edges = np.flatnonzero(np.diff(kept.ballot, prepend=-1, append=-1))
    return [
        (chosen, other)
        for first, last in pairwise(edges.tolist())
        for chosen in joke[first:last][kept.voted[first:last]].tolist()
        for other in joke[first:last][~kept.voted[first:last]].tolist()
    ]


def add_vote(votes: dict[Pair, PairVotes], first: int, second: int, difference: float, kind: str) -> None:
    """Count a vote for `first` (positive), `second` (negative) or neither (0)."""
    if first > second:
        first, second, difference = second, first, -difference
    votes.setdefault((first, second), PairVotes()).add(difference, kind)


def _oriented(
    pair: Pair, counted: PairVotes, sources: Mapping[int, DatasetSource]
) -> tuple[DatasetSource | None, DatasetSource | None, PairVotes]:
    """The better joke, the other one, and the votes in this order; None for a joke that was deleted meanwhile."""
    first, second = (sources.get(joke) for joke in pair)
    if counted.first >= counted.second:
        return first, second, counted
    return second, first, PairVotes(counted.second, counted.first, counted.ties, counted.kinds)


def _problem(
    chosen: DatasetSource, rejected: DatasetSource, blocked: BlockList, *, captions: bool, across_styles: bool
) -> str | None:
    """Why a pair is left out, as far as its texts tell."""
    both: Sequence[DatasetSource] = (chosen, rejected)
    if chosen.language != rejected.language:
        return "different languages"
    if not captions and any(source.caption for source in both):
        return "a user's caption"
    if chosen.prompt != rejected.prompt and not across_styles:
        return "different prompts"
    if text_key(chosen.text) == text_key(rejected.text):
        return "equal texts"
    if any(blocked.hit(source.text, source.language) for source in both):
        return "on the block list"
    if any(CONTROL_TOKEN.search(source.text) for source in both):
        return "a special token in a text"
    return None


def _pair(part: str, chosen: DatasetSource, rejected: DatasetSource, counted: PairVotes) -> PreferencePair:
    authors = ["user" if source.model_id is None else "model" for source in (chosen, rejected)]
    return PreferencePair(
        part,
        chosen.photo,
        chosen.language,
        chosen.prompt,
        chosen.text.strip(),
        rejected.text.strip(),
        authors[0],
        authors[1],
        counted.first,
        counted.second,
        counted.ties,
        tuple(sorted(counted.kinds)),
    )
