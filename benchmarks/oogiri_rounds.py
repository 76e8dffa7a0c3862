"""Simulated rounds of Oogiri for `benchmarks/oogiri.py`, whose docstring defines them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.chat.ballots import BOT, Ballots, RoundEntries

USERS, ENTERS, VOTES, SECOND, ORDER = 20, 0.25, 0.5, 0.7, 0.5
FRIENDS, TROLLS = 3, 0.1
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Conduct:
    """How users vote."""

    order: float = ORDER
    friends: bool = False
    trolls: bool = False


@dataclass(frozen=True)
class Played:
    """Rounds: who entered (rounds, USERS + 1; the last is the bot), places on the ballot, votes by voter and entry.

    `better` is the share of pairs of which the bot's entry is the better one.
    """

    entered: NDArray[np.bool_]
    place: NDArray[np.int64]
    votes: NDArray[np.bool_]
    better: float

    @property
    def counted(self) -> NDArray[np.int64]:
        """The rounds with a user's entry and a vote."""
        return np.flatnonzero(self.entered[:, :USERS].any(1) & self.votes.any((1, 2)))

    def win_rate(self) -> float:
        """The mean share of wins, all voters counted: without habits the same as that of the product's rule."""
        kept, users = self.counted, np.arange(USERS)
        total, entered = self.votes[kept].sum(1), self.entered[kept, :USERS]
        lead = total[:, [USERS]] - self.votes[kept][:, users, USERS] - total[:, :USERS]
        return float((((0.5 + 0.5 * np.sign(lead)) * entered).sum(1) / entered.sum(1)).mean())

    def ballots(self, rounds: int) -> Ballots:
        """The ballots as the product reads them; each `rounds` rounds are those of a chat of their own."""
        number, author = np.nonzero(self.entered)
        bot = author == USERS
        entries = RoundEntries(
            number,
            -1 - number // rounds,
            np.zeros_like(number),
            number,
            number * (USERS + 1) + author,
            np.where(bot, BOT, author + 1),
            bot.astype(np.int64),
            self.place[number, author] + 1,
            self.entered.sum(1)[number],
        )
        of_round, voter, chosen = np.nonzero(self.votes)
        return Ballots.of(entries, of_round, of_round * (USERS + 1) + chosen, voter + 1)


def play(rng: np.random.Generator, wit: Floats, rounds: int, conduct: Conduct) -> Played:
    """Play rounds of a community; entry USERS is the bot's."""
    entered = np.ones((rounds, USERS + 1), bool)
    entered[:, :USERS] = rng.random((rounds, USERS)) < ENTERS
    quality = np.append(wit, 0.0) + rng.normal(size=(rounds, USERS + 1))
    place = np.where(entered, rng.random((rounds, USERS + 1)), 9.0).argsort(1).argsort(1)
    from_first = place / np.maximum(entered.sum(1, keepdims=True) - 1, 1)
    seen = (quality - conduct.order * from_first)[:, None, :] + rng.normal(size=(rounds, USERS, USERS + 1))
    if conduct.trolls:
        trolls = rng.random(USERS) < TROLLS
        seen[:, trolls] = rng.normal(size=(rounds, int(trolls.sum()), USERS + 1))
    if conduct.friends:
        seen[:, :FRIENDS, :FRIENDS] += 100.0
    seen[~np.broadcast_to(entered[:, None, :], seen.shape)] = -np.inf
    seen[:, np.arange(USERS), np.arange(USERS)] = -np.inf
    voting = rng.random((rounds, USERS)) < VOTES
    votes = np.zeros(seen.shape, bool)
    for chance in (1.0, SECOND):
        best = seen.argmax(2)[:, :, None]
        voting &= rng.random((rounds, USERS)) < chance
        given = voting[:, :, None] & np.isfinite(np.take_along_axis(seen, best, 2))
        np.put_along_axis(votes, best, np.take_along_axis(votes, best, 2) | given, 2)
        np.put_along_axis(seen, best, -np.inf, 2)
    better = float((quality[:, [USERS]] > quality[:, :USERS])[entered[:, :USERS]].mean())
    return Played(entered, place, votes, better)
