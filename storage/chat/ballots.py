"""The ballots of rounds as arrays: which entries each voter could choose, and which were chosen.

`count_credits` finds votes that don't count as points: those of a user who votes for one author clearly more often than
the others do. For each ballot on which a voter could choose an author, the other voters' votes give the expected number
of votes; where the sum of the given ones exceeds that of the expected ones by more than chance (CHANCE_Z standard
deviations of a sum of independent votes), only the expected ones count, and at least one. The others' votes count with
their own credits in a second pass, so that friends don't make each other look popular.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from storage.chat.consent import JOKE_NOT_PRIVATE, PRIVATE_OR_BANNED
from storage.database import Database

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BOT = 0
"""Stands for the bot among authors. Users' ids are positive."""
GUMBEL = 6 / np.pi**2
"""b² of a Gumbel distribution with variance 1, for Plackett and Luce's model of a ballot (trainer.judge)."""
CHANCE_Z = 2.0
"""About one in forty of the pairs without a habit exceeds the expected votes by more."""
EVEN_VOTES = 1.0
"""Votes that are added to those of the others, the same for each entry: few votes say little."""
PASSES = 2
ENTRY_COLUMNS = (
    "round_id, chat_id, CAST(rounds.created_at AS INTEGER), jokes.photo_id, round_entries.joke_id, "
    f"iif(model_id IS NULL, jokes.person_id, {BOT}), coalesce(model_id, 0), position, "
    "(SELECT max(position) FROM round_entries AS others WHERE others.round_id = rounds.id)"
)
LEARNT_ENTRIES = f"(model_id IS NOT NULL OR jokes.person_id NOT IN {PRIVATE_OR_BANNED})"


@dataclass(frozen=True)
class RoundEntries:
    """m entries of finished rounds. `author` is BOT or a user, `model` 0 for a user's entry.

    `round`, `chat`, `photo`, `joke`, `author` and `model` (m) are ids, `at` (m) is the round's beginning in seconds
    since 1970. `position` (m) counts from 1 to `last` (m), the number of entries on the ballot.
    """

    round: Ints
    chat: Ints
    at: Ints
    photo: Ints
    joke: Ints
    author: Ints
    model: Ints
    position: Ints
    last: Ints

    def __len__(self) -> int:
        return len(self.round)

    @property
    def place(self) -> Floats:
        """The place (m) on the ballot, from -1 for the first to 1 for the last; 0 on a ballot of one."""
        return np.where(self.last > 1, 2 * (self.position - 1) / np.maximum(self.last - 1, 1) - 1, 0.0)


@dataclass(frozen=True)
class Ballots:
    """n rows: each is an entry that a voter of its round could choose, so not the voter's own.

    `ballot` (n) numbers a voter's ballots from 0, `voter` (n) are user ids, `entry` (n) indices into `entries`,
    `voted` (n) says whether the voter chose the entry.
    """

    entries: RoundEntries
    ballot: Ints
    voter: Ints
    entry: Ints
    voted: Mask

    def __len__(self) -> int:
        return len(self.entry)

    @classmethod
    def of(cls, entries: RoundEntries, vote_round: Ints, vote_joke: Ints, voter: Ints) -> "Ballots":
        """The ballots of these v votes; votes for other entries, and for own ones, are left out."""
        voters, number = np.unique(voter, return_inverse=True)
        keys = np.unique(vote_round * max(len(voters), 1) + number)
        of_round, of_voter = keys // max(len(voters), 1), voters[keys % max(len(voters), 1)]
        order = np.argsort(entries.round, kind="stable")
        low = np.searchsorted(entries.round[order], of_round, "left")
        count = np.searchsorted(entries.round[order], of_round, "right") - low
        ballot = np.repeat(np.arange(len(keys)), count)
        entry = order[np.arange(len(ballot)) - np.repeat(np.cumsum(count) - count - low, count)]
        kept = entries.author[entry] != of_voter[ballot]
        ballot, entry = ballot[kept], entry[kept]
        jokes = np.unique(np.concatenate([entries.joke, vote_joke]))
        given = keyed(np.searchsorted(jokes, vote_joke), number, len(voters))
        shown = keyed(
            np.searchsorted(jokes, entries.joke[entry]), np.searchsorted(voters, of_voter[ballot]), len(voters)
        )
        found = cls(entries, ballot, of_voter[ballot], entry, np.isin(shown, given))
        return found.select(sums(found.ballot, found.voted)[found.ballot] > 0)

    def telling(self, since: float) -> "Ballots":
        """The ballots of rounds since then (seconds since 1970) that choose some entries and not others."""
        votes, choices = (np.bincount(self.ballot, values)[self.ballot] for values in (self.voted, None))
        return self.select((votes < choices) & (self.entries.at[self.entry] >= int(since)))

    def select(self, mask: Mask) -> "Ballots":
        """The rows where `mask` (n) is true, with ballots numbered anew; the entries stay."""
        _, ballot = np.unique(self.ballot[mask], return_inverse=True)
        return replace(self, ballot=ballot, voter=self.voter[mask], entry=self.entry[mask], voted=self.voted[mask])


def keyed(first: Ints, second: Ints, count: int) -> Ints:
    """One number (n) for each pair of numbers (n), the second being below `count`."""
    return first * max(count, 1) + second


def sums(index: Ints, values: NDArray[np.generic]) -> Floats:
    """Sums of the values (n) with the same index (n), from 0 to the largest index."""
    return np.bincount(index, values).astype(float)


def number_pairs(*columns: Ints) -> Ints:
    """A number (n) from 0 for each combination of ids (n) in these columns."""
    number: Ints = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        ids, place = np.unique(column, return_inverse=True)
        number = np.unique(keyed(number, place, len(ids)), return_inverse=True)[1].astype(np.int64)
    return number


def count_credits(ballots: Ballots, chance_z: float = CHANCE_Z) -> Floats:
    """How much a vote in each row (n) counts, 0 to 1, by all ballots of the voter in the chat."""
    entries, chosen = ballots.entries, ballots.voted.astype(float)
    pair = number_pairs(entries.chat[ballots.entry], ballots.voter, entries.author[ballots.entry])
    given, credit = sums(pair, chosen), np.ones(len(ballots))
    for _ in range(PASSES):
        expected = _expected(ballots, chosen * credit)
        mean, deviation = sums(pair, expected), np.sqrt(sums(pair, expected * np.maximum(1 - expected, 0.0)))
        counted = np.where(given > np.maximum(1.0, mean + chance_z * deviation), np.maximum(1.0, mean), given)
        credit = np.divide(counted, given, out=np.ones(len(given)), where=given > 0)[pair]
    return credit


def _expected(ballots: Ballots, weight: Floats) -> Floats:
    """The probability (n) of a vote if the voter chose as the others did, whose votes have these weights (n)."""
    ballot = ballots.ballot
    others = sums(ballots.entry, weight)[ballots.entry] - weight
    choices, votes = sums(ballot, np.ones(len(ballot)))[ballot], sums(ballot, ballots.voted)[ballot]
    share = (others + EVEN_VOTES / choices) / (sums(ballot, others)[ballot] + EVEN_VOTES)
    return spread_votes(votes * share, votes, ballot)


def spread_votes(expected: Floats, votes: Floats, ballot: Ints) -> Floats:
    """Expected votes (n) of at most 1 each; what is above goes to the ballot's other entries, whose sum is `votes`."""
    capped = np.minimum(expected, 1.0)
    missing, room = votes - sums(ballot, capped)[ballot], sums(ballot, 1 - capped)[ballot]
    return capped + (1 - capped) * np.divide(missing, room, out=np.zeros(len(room)), where=room > 1e-9)


async def read_ballots(database: Database) -> Ballots:
    """The ballots from which models and judges learn: without private and banned users and what may not be learnt."""
    entries = await _entries(database, f"{LEARNT_ENTRIES} AND {JOKE_NOT_PRIVATE}")
    return await _with_votes(database, entries, f"round_votes.person_id NOT IN {PRIVATE_OR_BANNED}")


async def read_counted_ballots(database: Database, chat_id: int | None = None, since: float = 0.0) -> Ballots:
    """The ballots from which the win rate is counted: without private and banned users."""
    entries = await _entries(
        database, f"{LEARNT_ENTRIES} AND rounds.created_at >= ?1 AND (?2 IS NULL OR {OF_CHAT})", since, chat_id
    )
    return await _with_votes(database, entries, f"round_votes.person_id NOT IN {PRIVATE_OR_BANNED}")


async def read_ballots_of_chat(database: Database, chat_id: int) -> Ballots:
    """All ballots of a chat."""
    return await _with_votes(database, await _entries(database, OF_CHAT.replace("?2", "?1"), chat_id), "true")


OF_CHAT = "chat_id IN (SELECT ?2 UNION SELECT former_id FROM former_chats WHERE chat_id = ?2)"


async def _entries(database: Database, where: str, *values: object) -> RoundEntries:
    rows = await database.integers(
        f"SELECT {ENTRY_COLUMNS} FROM round_entries JOIN rounds ON rounds.id = round_id JOIN jokes ON "
        "jokes.id = round_entries.joke_id WHERE state = 'over' AND position IS NOT NULL AND "
        f"{where} ORDER BY round_id, position",
        values,
        columns=9,
    )
    return RoundEntries(*(rows[:, column] for column in range(9)))


async def _with_votes(database: Database, entries: RoundEntries, where: str) -> Ballots:
    votes = await database.integers(f"SELECT round_id, joke_id, person_id FROM round_votes WHERE {where}", columns=3)
    votes = votes[np.isin(votes[:, 1], entries.joke)]
    return Ballots.of(entries, votes[:, 0], votes[:, 1], votes[:, 2])
