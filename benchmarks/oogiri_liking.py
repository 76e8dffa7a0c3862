"""What a model learns from rounds of Oogiri, for `benchmarks/oogiri.py`: `liking_gain`.

The world is that of the community benchmark (benchmarks/community/world.py): 20 users of a group and 10 private chats,
40 photos a day for 28 days, graded taste, trolls, silence. The base answers each photo. In the arm "rounds" two photos
of the group each day are rounds instead: users enter with probability .25 and vote with probability .5, a second time
with .7. A voter sees z as in the world, .5 less for the last place than for the first; trolls vote at random. As many
ratings of other photos are left out, at random, as there are votes, so both arms have equal numbers of photos and of
ratings and votes.

A user's wit is the mean z of the entries minus that of the base: normal with mean .3 and standard deviation .5. Users
reach it by the choice of the shape: its probability is proportional to exp(λ z), z being the group's mean for shape and
subject. Subjects are wrong as often as the base's.

From each arm the product selects rows (ratings, ballots, limits, all defaults), and one model is trained from the base.
`gain_none`, `gain_rounds`: the exact expected liking of the models' jokes minus that of the base's, in points;
`liking_gain`: their difference. `rows_…`: training rows, of which `rows_by_users` are users' entries.

Not simulated: later runs, trials, the judge, users who are better at other shapes than the base's.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

from benchmarks.community.inline import one_thread
from benchmarks.community.liking import LikingTable
from benchmarks.community.records import LANGUAGE, PROMPT, STYLE
from benchmarks.community.registry import NO_BUDGET, UncheckedRows, row_weights
from benchmarks.community.world import (
    FIRST_GROUP,
    NOISE,
    SHAPES,
    SUBJECTS,
    Floats,
    Photo,
    TableModel,
    World,
)
from benchmarks.oogiri_rounds import ENTERS, ORDER, SECOND, VOTES
from configs.learning import SelectionSettings
from storage.chat.jokes import INSERT_JOKE, NewJoke
from storage.database import Database
from storage.learning import models
from storage.learning.runs import require
from trainer.dataset.export import DatasetExporter
from trainer.dataset.manifest import ScoredJoke

DAYS, ROUNDS_A_DAY, WIT_MEAN, WIT_SPREAD, MOST_TILT = 28, 2, 0.3, 0.5, 30.0


@dataclass(frozen=True)
class Entry:
    """An entry of a round; `author` is 0 for the bot."""

    author: int
    text: str


@dataclass(frozen=True)
class PlayedRound:
    """A round about a photo: entries in the order of the ballot, and votes as (voter, number of the entry)."""

    photo: Photo
    entries: list[Entry]
    votes: list[tuple[int, int]]


class Wits:
    """Users who write entries: the probability of each shape (user, shape, subject)."""

    def __init__(self, world: World, random: np.random.Generator) -> None:
        worth = world._shape[:, None] + world._shape_subject
        self.shares: dict[int, Floats] = {}
        for user in world.members[FIRST_GROUP]:
            wit = random.normal(WIT_MEAN, WIT_SPREAD)
            self.shares[user.id] = tilted(worth, tilt_of(worth, wit))


def tilted(worth: Floats, tilt: float) -> Floats:
    """Shares of shapes (18, 40) in proportion to exp(tilt × worth)."""
    odds = np.exp(tilt * (worth - worth.max(0) if tilt > 0 else worth - worth.min(0)))
    return np.asarray(odds / odds.sum(0))


def tilt_of(worth: Floats, wit: float) -> float:
    """The tilt with which shapes are better than equally likely ones by `wit`, within what is possible."""

    def surplus(tilt: float) -> float:
        return float((tilted(worth, tilt) * worth).sum() / SUBJECTS - worth.mean()) - wit

    if surplus(MOST_TILT) < 0 or surplus(-MOST_TILT) > 0:
        return MOST_TILT if wit > 0 else -MOST_TILT
    return float(brentq(surplus, -MOST_TILT, MOST_TILT))


def play_round(world: World, photo: Photo, bot: str, wits: Wits, random: np.random.Generator) -> PlayedRound:
    """Entries and votes about a photo."""
    members = world.members[FIRST_GROUP]
    entries = [Entry(0, bot)]
    for user in members:
        if random.random() < ENTERS:
            shape = int(random.choice(SHAPES, p=wits.shares[user.id][:, photo.subject]))
            entries.append(Entry(user.id, world._text(shape, photo, random)))
    entries = [entries[place] for place in random.permutation(len(entries))]
    votes = []
    for user in members:
        if random.random() < VOTES:
            seen = [_seen(world, photo, entries, place, user.id, random) for place in range(len(entries))]
            best = [place for place in np.argsort(seen)[::-1].tolist() if entries[place].author != user.id]
            votes += [(user.id, place) for place in best[: 1 + (random.random() < SECOND)]]
    return PlayedRound(photo, entries, votes)


def _seen(
    world: World, photo: Photo, entries: Sequence[Entry], place: int, user_id: int, random: np.random.Generator
) -> float:
    noise = random.normal(0, NOISE)
    if world.users[user_id].troll:
        return noise
    return world._z(photo, entries[place].text, False, user_id, noise) - ORDER * place / max(len(entries) - 1, 1)


@dataclass(frozen=True)
class Feedback:
    """What is stored in one arm: the base's jokes by photo, ratings as (photo, user, value), rounds."""

    photos: list[Photo]
    jokes: dict[int, str]
    ratings: list[tuple[int, int, int]]
    rounds: list[PlayedRound]


def play(world: World, random: np.random.Generator) -> tuple[Feedback, Feedback]:
    """Both arms: without and with rounds."""
    base, wits = TableModel.base(), Wits(world, random)
    photos = [photo for day in range(DAYS) for photo in world.photos_of_day(day)]
    jokes = {photo.id: world.write(base, photo, 1, random)[0] for photo in photos}
    ratings = []
    for photo in photos:
        for _, user_id in world.visits(photo):
            value = world.rating(photo, jokes[photo.id], False, user_id, (), True)
            if value is not None:
                ratings.append((photo.id, user_id, value))
    of_group = [photo for photo in photos if photo.chat_id == FIRST_GROUP]
    chosen = [
        of_group[number] for number in sorted(random.choice(len(of_group), DAYS * ROUNDS_A_DAY, replace=False).tolist())
    ]
    rounds = [play_round(world, photo, jokes[photo.id], wits, random) for photo in chosen]
    left = [row for row in ratings if row[0] not in {photo.id for photo in chosen}]
    votes = sum(len(played.votes) for played in rounds)
    kept = random.permutation(len(left))[: max(len(ratings) - votes, 0)]
    return Feedback(photos, jokes, ratings, []), Feedback(photos, jokes, [left[row] for row in sorted(kept)], rounds)


INSERTS = {
    "photos": "INSERT INTO photos (id, sha256, phash, width, height, bytes, media_type, created_at) "
    "VALUES (?, ?, ?, 448, 448, 1, 'image/jpeg', ?)",
    "senders": "INSERT INTO photo_senders VALUES (?, ?, ?)",
    "jokes": INSERT_JOKE.partition(" RETURNING")[0],
    "ratings": "INSERT INTO ratings (joke_id, person_id, value, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
    "rounds": "INSERT INTO rounds (id, chat_id, person_id, photo_id, joke_id, state, due_at, created_at) "
    "VALUES (?, ?, ?, ?, ?, 'over', 0, ?)",
    "entries": "INSERT INTO round_entries VALUES (?, ?, ?)",
    "votes": "INSERT INTO round_votes VALUES (?, ?, ?, ?)",
}


async def store(database: Database, model_id: int, told: Feedback, seed: int) -> None:
    """Store an arm's feedback; a photo's joke by the base has the photo's id."""
    now, hashes = time.time() - 86400, np.random.default_rng([seed, 99])
    phashes = hashes.integers(-(2**63), 2**63 - 1, len(told.photos)).tolist()
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in INSERTS}
    for photo, phash in zip(told.photos, phashes, strict=True):
        rows["photos"].append((photo.id, f"{photo.id:064x}", phash, now))
        rows["senders"].append((photo.id, photo.user_id, now))
        rows["jokes"].append((*_joke(photo.id, model_id, photo.user_id, told.jokes[photo.id]), now))
    rows["ratings"] = [(*row, now, now) for row in told.ratings]
    for index, played in enumerate(told.rounds, 1):
        photo = played.photo
        rows["rounds"].append((index, FIRST_GROUP, photo.user_id, photo.id, photo.id, now))
        for place, entry in enumerate(played.entries):
            joke_id = photo.id
            if entry.author:
                rows["jokes"].append((*_joke(photo.id, None, entry.author, entry.text), now))
                joke_id = len(rows["jokes"])
            rows["entries"].append((index, joke_id, place + 1))
            rows["votes"] += [(index, joke_id, voter, now) for voter, chosen in played.votes if chosen == place]
    async with database.write() as connection:
        for name, sql in INSERTS.items():
            await connection.executemany(sql, rows[name])


def _joke(photo_id: int, model: int | None, user_id: int, text: str) -> tuple[object, ...]:
    return astuple(
        NewJoke(photo_id, model, user_id, LANGUAGE, STYLE, None, PROMPT, text, 0.8, 0.9, 160, None, None, 1.0)
    )


async def learn(told: Feedback, seed: int) -> tuple[TableModel, list[ScoredJoke]]:
    """The model that is trained on what the product selects from an arm's feedback, and the rows."""
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        database = await Database.open(Path(folder) / "oogiri.sqlite3")
        try:
            base = await models.register_base(database, "base", None)
            await store(database, base.id, told, seed)
            exporter = DatasetExporter(database, Path(), Path(), SelectionSettings(), NO_BUDGET)
            rows = (await exporter._pick(UncheckedRows())).train
        finally:
            await database.close()
    photos = {photo.id: photo for photo in told.photos}
    examples = [(row.source.text, photos[row.source.photo.id]) for row in rows]
    return TableModel.base().train(examples, row_weights(rows)), rows


def measure_liking(seed: int) -> dict[str, Any]:
    """Both arms on one seed."""
    world, random = World(seed), np.random.default_rng([seed, 211])
    table, found = LikingTable(world), {}
    base = table.liking([(TableModel.base(), 1.0)])
    for name, told in zip(("none", "rounds"), play(world, random), strict=True):
        model, rows = asyncio.run(learn(told, seed))
        found[f"gain_{name}"] = round(100 * (table.liking([(model, 1.0)]) - base), 2)
        found[f"rows_{name}"] = len(rows)
        found[f"feedback_{name}"] = len(told.ratings) + sum(len(played.votes) for played in told.rounds)
    users = sum(row.source.model_id is None for row in rows)
    weight = [require(row.weight) for row in rows]
    share = sum(each for each, row in zip(weight, rows, strict=True) if row.source.model_id is None) / sum(weight)
    gain = round(found["gain_rounds"] - found["gain_none"], 2)
    return {"liking_gain": gain, **found, "rows_by_users": users, "weight_of_users": round(share, 3)}
