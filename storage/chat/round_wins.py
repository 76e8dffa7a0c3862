"""How often the bot wins against people: its entries and those of users in rounds of Oogiri, compared by votes."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from storage.chat.consent import PRIVATE_OR_BANNED
from storage.database import Database


@dataclass(frozen=True)
class RoundWins:
    """The pairs of the bot's entry with each user's entry in one round: `score` of them are won, ties count ½."""

    model_id: int
    score: float
    pairs: int


@dataclass(frozen=True)
class WinRate:
    """The bot's share of wins over users' entries (0 to 1), its 95 % interval, and the number of rounds."""

    share: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class ModelWinRate:
    """A model version's win rate against people; `rate` is None with fewer than MIN_ROUNDS of `rounds`."""

    model_id: int
    name: str
    rounds: int
    rate: WinRate | None


@dataclass(frozen=True)
class WinRates:
    """The win rate over all rounds, None with fewer than MIN_ROUNDS, and by model version, the newest first."""

    rounds: int
    overall: WinRate | None
    models: tuple[ModelWinRate, ...]


MIN_ROUNDS = 5
"""With fewer rounds an interval says nothing."""
Z_95 = 1.959964
OPENNESS = 0.1


async def read_win_rates(database: Database, *, chat_id: int | None = None, since: float = 0.0) -> WinRates:
    """The bot's win rates against people, in one chat or all, in rounds that began since then (seconds since 1970)."""
    wins = await list_round_wins(database, chat_id=chat_id, since=since)
    by_model: defaultdict[int, list[RoundWins]] = defaultdict(list)
    for won in wins:
        by_model[won.model_id].append(won)
    names = {row["id"]: row["name"] for row in await database.rows("SELECT id, name FROM models")}
    models = [
        ModelWinRate(model, names[model], len(rounds), estimate_win_rate(rounds))
        for model, rounds in sorted(by_model.items(), reverse=True)
    ]
    return WinRates(len(wins), estimate_win_rate(wins), tuple(models))


async def list_round_wins(database: Database, *, chat_id: int | None = None, since: float = 0.0) -> list[RoundWins]:
    """Finished rounds with a vote and a user's entry, oldest first, by the model that wrote the bot's entry.

    A pair counts votes of users who could choose both: not those of the user who wrote the one entry. Votes and
    entries of private and banned users are left out.
    """
    entries = await database.rows(
        "SELECT round_id, round_entries.joke_id, model_id, jokes.person_id FROM round_entries "
        "JOIN rounds ON rounds.id = round_id JOIN jokes ON jokes.id = round_entries.joke_id "
        "WHERE state = 'over' AND position IS NOT NULL AND (model_id IS NOT NULL OR jokes.person_id NOT IN "
        f"{PRIVATE_OR_BANNED}) AND rounds.created_at >= ?1 AND (?2 IS NULL OR chat_id IN (SELECT ?2 UNION SELECT "
        "former_id FROM former_chats WHERE chat_id = ?2)) ORDER BY round_id, position",
        (since, chat_id),
    )
    votes: defaultdict[int, set[int]] = defaultdict(set)
    for row in await database.rows(
        f"SELECT joke_id, person_id FROM round_votes WHERE person_id NOT IN {PRIVATE_OR_BANNED}"
    ):
        votes[row["joke_id"]].add(row["person_id"])
    rounds: defaultdict[int, list[tuple[int, int | None, int]]] = defaultdict(list)
    for row in entries:
        rounds[row["round_id"]].append((row["joke_id"], row["model_id"], row["person_id"]))
    found = []
    for members in rounds.values():
        bots = [(joke, model) for joke, model, _ in members if model is not None]
        users = [(joke, author) for joke, model, author in members if model is None]
        if len(bots) == 1 and bots[0][1] is not None and users and any(votes[joke] for joke, _, _ in members):
            scores = _scores(votes[bots[0][0]], [(votes[joke], author) for joke, author in users])
            found.append(RoundWins(bots[0][1], sum(scores), len(scores)))
    return found


def _scores(bot: set[int], users: Sequence[tuple[set[int], int]]) -> list[float]:
    """1 for each pair that the bot wins, ½ for a tie, 0 for one that it loses."""
    return [0.5 + 0.5 * _sign(len(bot - {author}) - len(votes - {author})) for votes, author in users]


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def estimate_win_rate(wins: Sequence[RoundWins]) -> WinRate | None:
    """The mean over rounds with Student's interval; None with fewer than MIN_ROUNDS.

    A round is one observation, because its pairs share the bot's entry and the voters.
    """
    count = len(wins)
    if count < MIN_ROUNDS:
        return None
    shares = [won.score / won.pairs for won in wins]
    mean = sum(shares) / count
    # A tenth of a round won and a tenth lost keep the interval open where all rounds are alike (benchmarks/oogiri.py).
    open_ended = OPENNESS * (mean**2 + (1 - mean) ** 2)
    spread = (sum((share - mean) ** 2 for share in shares) + open_ended) / (count - 1 + OPENNESS)
    half = student_quantile(count - 1) * math.sqrt(spread / count)
    return WinRate(mean, max(0.0, mean - half), min(1.0, mean + half), count)


def student_quantile(degrees: int) -> float:
    """The 97.5 % quantile of Student's t for 4 degrees of freedom or more, to .01.

    Expansion 26.7.5 of Abramowitz and Stegun, "Handbook of Mathematical Functions".
    """
    z, v = Z_95, degrees
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )
