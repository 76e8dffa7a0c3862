"""How often the bot wins against people: its entries and those of users in rounds of Oogiri, compared by votes."""

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


async def list_round_wins(database: Database) -> list[RoundWins]:
    """All finished rounds with a vote and a user's entry, oldest first, by the model that wrote the bot's entry.

    A pair counts votes of users who could choose both: not those of the user who wrote the one entry. Votes of private
    and banned users are left out.
    """
    entries = await database.rows(
        "SELECT round_id, round_entries.joke_id, model_id, jokes.person_id FROM round_entries "
        "JOIN rounds ON rounds.id = round_id JOIN jokes ON jokes.id = round_entries.joke_id "
        "WHERE state = 'over' AND position IS NOT NULL ORDER BY round_id, position"
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
