"""How often the bot wins against people: its entries and those of users in rounds of Oogiri, compared by votes."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.database import Database

if TYPE_CHECKING:
    from storage.chat.ballots import Ballots


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
EVIDENT_Z = 3.0
"""Standard deviations from which a user's preference for an author counts as evident. Leaving votes out by what they
say moves the win rate by chance too; with 3 that is less than .005 (benchmarks/oogiri.py)."""


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

    Votes and entries of private and banned users are left out.
    """
    from storage.chat.ballots import read_counted_ballots  # Here, because it needs NumPy, and a starting bot doesn't.

    return count_wins(await read_counted_ballots(database, chat_id, since))


def count_wins(ballots: "Ballots") -> list[RoundWins]:
    """The wins of the bot in each round with a vote and with entries of the bot and of users, by round.

    A pair counts votes of users who could choose both: not those of the user who wrote the one entry. Nor does it count
    votes of a user who chooses one of the two authors clearly more often than the others do.
    """
    import numpy as np

    from storage.chat.ballots import BOT, count_credits

    entries = ballots.entries
    rounds, of_round = np.unique(entries.round, return_inverse=True)
    bots = entries.author == BOT
    favours = (count_credits(ballots, EVIDENT_Z) < 1) & ballots.voted
    for_bot = bots[ballots.entry]
    chose_bot, favours_bot = (
        np.bincount(ballots.ballot, for_bot & mask)[ballots.ballot] for mask in (ballots.voted, favours)
    )
    balance = np.where(favours | (favours_bot > 0), 0.0, chose_bot - ballots.voted)
    lead = np.bincount(ballots.entry, balance, len(entries))
    score = np.bincount(of_round, np.where(bots, 0.0, 0.5 + 0.5 * np.sign(lead)), len(rounds))
    pairs = np.bincount(of_round, ~bots, len(rounds)).astype(int)
    model = np.bincount(of_round, entries.model, len(rounds)).astype(int)
    voted = np.bincount(of_round[ballots.entry], minlength=len(rounds)) > 0
    complete = voted & (pairs > 0) & (np.bincount(of_round, bots, len(rounds)) == 1)
    return [
        RoundWins(int(model[number]), float(score[number]), int(pairs[number]))
        for number in np.flatnonzero(complete).tolist()
    ]


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
