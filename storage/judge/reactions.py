"""Reads users' reactions from the database as observations for a judge's fit.

Data of private and banned users, and jokes that are dropped or hidden, are left out, as everywhere where something
learns.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from storage.chat.ballots import Ballots, count_credits, read_ballots
from storage.chat.consent import JOKE_NOT_PRIVATE, NOT_DROPPED, PRIVATE_OR_BANNED, TRAINABLE
from storage.database import Database
from storage.judge.features import FloatArray, IndexArray
from storage.judge.observations import BallotColumns, JokeColumns, Observations, SignalKind

EXPOSURE_S = 1800.0
"""A user who acted in a chat within this time after a joke has seen it; Telegram doesn't tell who reads."""
MAX_BALLOT_ROWS = 10_000
"""Of ballots, an entry that a voter could choose being a row: about 200 rounds of ten voters."""
SILENT_PER_JOKE = 8
"""Silent users of one joke that count, those who acted first."""
BY_USERS = " by users"
"""Ending of the style of punchlines: how much they are liked in general is an effect of its own."""

Reaction = tuple[int, int, int, int, int, float, float]
"""Kind, joke id, other joke's id or -1, user, chat, value, time."""


@dataclass(frozen=True)
class _Deliveries:
    """Deliveries by chat and time (each n): joke, photo, and user who asked for it or wrote it, chat, time.

    `punchline` is 1 for a user's own joke, else 0.
    """

    joke: IndexArray
    photo: IndexArray
    user: IndexArray
    chat: IndexArray
    at: IndexArray
    punchline: IndexArray


async def read_observations(database: Database, max_ratings: int) -> Observations:
    """The newest `max_ratings` ratings, the duels, presses of 🔁, silences and ballots since then."""
    ratings = await _ratings(database, max_ratings)
    since = min((row[6] for row in ratings), default=0.0)
    deliveries = await _deliveries(database, since)
    rated = {(row[1], row[3]) for row in ratings}
    rows = [*ratings, *await _duels(database, since), *_presses_of_another(deliveries, rated)]
    silences = _silences(deliveries, rows, rated)
    if len(silences) > len(ratings):
        kept = np.random.default_rng(0).permutation(len(silences))[: len(ratings)]
        silences = [silences[index] for index in sorted(kept.tolist())]
    return await _as_columns(database, rows + silences, await _ballots(database, since))


async def _ballots(database: Database, since: float) -> Ballots:
    """The newest ballots since then that choose some entries and not others, at most MAX_BALLOT_ROWS rows."""
    found = (await read_ballots(database)).telling(since)
    newest = len(found) - MAX_BALLOT_ROWS
    return found.select(found.ballot > found.ballot[newest - 1]) if newest > 0 else found


async def _ratings(database: Database, limit: int) -> list[Reaction]:
    rows = await database.rows(
        "SELECT joke_id, ratings.person_id, value, updated_at, coalesce((SELECT chat_id FROM deliveries WHERE "
        "deliveries.joke_id = ratings.joke_id ORDER BY id LIMIT 1), jokes.person_id) FROM ratings JOIN jokes ON "
        f"jokes.id = joke_id WHERE {TRAINABLE} ORDER BY updated_at DESC LIMIT ?",
        (limit,),
    )
    return [(SignalKind.RATING, joke, -1, user, chat, (value - 1) / 2, at) for joke, user, value, at, chat in rows]


async def _duels(database: Database, since: float) -> list[Reaction]:
    """The choices in duels: of the photo's sender, and of other members of a group."""
    rows = await database.rows(
        "SELECT joke_a, joke_b, picks.person_id, duels.chat_id, CASE picks.choice WHEN 'a' THEN 1.0 WHEN 'b' THEN 0.0 "
        "ELSE 0.5 END, picks.chosen_at FROM (SELECT id AS duel_id, person_id, choice, chosen_at FROM duels WHERE "
        "choice IS NOT NULL UNION ALL SELECT * FROM duel_choices) AS picks JOIN duels ON duels.id = picks.duel_id "
        "JOIN jokes ON jokes.id = joke_a JOIN jokes AS rival ON rival.id = joke_b "
        f"WHERE picks.chosen_at >= ? AND picks.person_id NOT IN {PRIVATE_OR_BANNED} AND "
        f"{JOKE_NOT_PRIVATE} "
        f"AND {NOT_DROPPED.replace('jokes.id', 'rival.id')}",
        (since,),
    )
    return [(SignalKind.DUEL, left, right, user, chat, value, at) for left, right, user, chat, value, at in rows]


async def read_duel_choices(database: Database) -> list[tuple[int, int, float]]:
    """All choices in duels, as (joke, other joke, 1 for the first, 0 for the second or 0.5 for neither)."""
    return [(left, right, value) for _, left, right, _, _, value, _ in await _duels(database, 0.0)]


async def _deliveries(database: Database, since: float) -> _Deliveries:
    columns = await database.integers(
        "SELECT joke_id, photo_id, jokes.person_id, chat_id, CAST(deliveries.created_at AS INTEGER), "
        "model_id IS NULL FROM deliveries "
        f"JOIN jokes ON jokes.id = joke_id WHERE deliveries.created_at >= ? AND {JOKE_NOT_PRIVATE} "
        "ORDER BY chat_id, deliveries.created_at, deliveries.id",
        (since,),
        columns=6,
    )
    return _Deliveries(*(columns[:, number] for number in range(6)))


def _presses_of_another(shown: _Deliveries, rated: set[tuple[int, int]]) -> list[Reaction]:
    """The joke before each further joke about a photo in a chat, by the user who asked, unless this user rated it.

    Punchlines are left out: users write them without asking for another joke.
    """
    order = np.lexsort((shown.at, shown.photo, shown.chat))
    order = order[shown.punchline[order] == 0]
    before, after = order[:-1], order[1:]
    again = (shown.chat[before] == shown.chat[after]) & (shown.photo[before] == shown.photo[after])
    again &= shown.joke[before] != shown.joke[after]
    rows: list[Reaction] = []
    for first, second in zip(before[again].tolist(), after[again].tolist(), strict=True):
        joke, user = int(shown.joke[first]), int(shown.user[second])
        if (joke, user) not in rated:
            rows.append((SignalKind.ANOTHER, joke, -1, user, int(shown.chat[first]), 0.0, float(shown.at[second])))
    return rows


def _silences(shown: _Deliveries, reactions: list[Reaction], rated: set[tuple[int, int]]) -> list[Reaction]:
    """Users who acted in the chat within EXPOSURE_S after a joke and didn't react to it."""
    acts = [(chat, at, user) for kind, _, _, user, chat, _, at in reactions if kind != SignalKind.ANOTHER]
    acts += zip(shown.chat.tolist(), shown.at.tolist(), shown.user.tolist(), strict=True)
    acts.sort()
    chats = np.array([chat for chat, _, _ in acts], np.int64)
    times = np.array([at for _, at, _ in acts])
    reacted = rated | {(row[1], row[3]) for row in reactions} | {(row[2], row[3]) for row in reactions}
    own = shown.punchline == 1
    reacted |= set(zip(shown.joke[own].tolist(), shown.user[own].tolist(), strict=True))
    rows: list[Reaction] = []
    for joke, chat, at in zip(shown.joke.tolist(), shown.chat.tolist(), shown.at.tolist(), strict=True):
        low, high = np.searchsorted(chats, [chat, chat + 1])
        start, end = low + np.searchsorted(times[low:high], [at, at + EXPOSURE_S], "right")
        present = dict.fromkeys(user for _, _, user in acts[start:end] if (joke, user) not in reacted)
        rows += [(SignalKind.SILENCE, joke, -1, user, chat, 0.0, at) for user in list(present)[:SILENT_PER_JOKE]]
    return rows


async def _as_columns(database: Database, reactions: list[Reaction], ballots: Ballots) -> Observations:
    rows = reactions + _ballot_reactions(ballots)
    ids = sorted({row[1] for row in rows} | {row[2] for row in rows if row[2] >= 0})
    jokes = await _jokes(database, ids)
    places = np.array(ids, np.int64)
    kind, joke, other, user, chat = (np.array([row[part] for row in rows], np.int64) for part in range(5))
    value, at = (np.array([row[part] for row in rows], float) for part in (5, 6))
    rival = np.where(other >= 0, np.searchsorted(places, other), -1)
    shown = _ballot_columns(ballots, len(reactions)) if len(ballots) else None
    return Observations(jokes, kind, np.searchsorted(places, joke), rival, user, chat, value, at, shown)


def _ballot_reactions(ballots: Ballots) -> list[Reaction]:
    entries, entry = ballots.entries, ballots.entry
    columns = (entries.joke[entry], ballots.voter, entries.chat[entry], ballots.voted, entries.at[entry])
    return [
        (SignalKind.BALLOT, joke, -1, user, chat, float(voted), float(at))
        for joke, user, chat, voted, at in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _ballot_columns(ballots: Ballots, before: int) -> BallotColumns:
    """The columns of ballots after that many other reactions."""
    return BallotColumns(
        np.concatenate([np.full(before, -1), ballots.ballot]),
        np.concatenate([np.zeros(before), ballots.entries.place[ballots.entry]]),
        np.concatenate([np.ones(before), count_credits(ballots)]),
    )


async def _jokes(database: Database, ids: Iterable[int]) -> JokeColumns:
    wanted = (json.dumps(list(ids)),)
    rows = list(
        await database.rows(
            "SELECT id, photo_id, coalesce(model_id, 0) AS model_id, language, "
            f"style || iif(model_id IS NULL, '{BY_USERS}', '') AS style, caption, text, "
            "model_id IS NOT NULL AND chosen_by != 'judge' AS random, "
            "propensity, logprob FROM jokes WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            wanted,
        )
    )
    others: dict[int, list[str]] = {row["id"]: [] for row in rows}
    for row in await database.rows(
        "SELECT joke_id, text FROM joke_candidates WHERE joke_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        wanted,
    ):
        others[row["joke_id"]].append(row["text"])

    def numbers(name: str) -> FloatArray:
        return np.array([np.nan if row[name] is None else row[name] for row in rows], float)

    return JokeColumns(
        tuple(row["text"] for row in rows),
        np.array([row["photo_id"] for row in rows], np.int64),
        np.array([row["model_id"] for row in rows], np.int64),
        tuple(row["language"] for row in rows),
        tuple(row["style"] for row in rows),
        tuple(row["caption"] for row in rows),
        np.array([row["random"] for row in rows], bool),
        numbers("propensity"),
        numbers("logprob"),
        tuple(map(tuple, others.values())),
    )
