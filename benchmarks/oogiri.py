"""Rounds of Oogiri: is the bot's win rate against people estimated without bias, and does its interval hold?

Simulation. A community has 20 users; a user's wit is normal with mean .3 and standard deviation .5 above the bot's. In
each round a user enters with probability .25 and votes with probability .5. An entry is as good as its author's wit
plus a normal deviation (1). A voter sees it with a normal deviation (1) and likes entries less the later they stand in
the random order of the ballot (.5 from the first to the last); the vote goes to the best one and, with probability .7,
to the second best, never to an own entry. Rounds are counted by the product's own rules (storage/chat/round_wins.py).

`bias_N`, `coverage_N` (N rounds: 5, 20, 100): the mean estimate minus the truth, and the share of 95 % intervals that
hold it. The truth of a community is its expected share of wins with votes as above but without the effect of the
order, from 4,000 rounds of its own. `attenuation`: that truth minus the probability that the bot's entry is the better
one of a pair: votes are few and tie, so the win rate is nearer to one half.

`…_friends`: three users always vote for each other. `…_trolls`: one user in ten votes at random. For both the truth is
that of the community without them. `friends_gain`: points of such a friend minus the points of the same user without
the agreement, as a share of the mean user's points.

Not simulated: users who write several entries, who enter only where they know themselves good, or who leave; learning
from rounds; the wit of people who see the bot's jokes.
"""

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.chat.round_wins import RoundWins, estimate_win_rate

USERS, ENTERS, VOTES, SECOND, ORDER = 20, 0.25, 0.5, 0.7, 0.5
ROUNDS, TRUTH_ROUNDS, FRIENDS, TROLLS = (5, 20, 100), 4000, 3, 0.1
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Conduct:
    """How users vote."""

    order: float = ORDER
    friends: bool = False
    trolls: bool = False


@dataclass(frozen=True)
class Played:
    """Rounds of a community: wins of the bot, the points of each user (USERS), and its chance to be the better one."""

    wins: list[RoundWins]
    points: Floats
    better: float


def play(rng: np.random.Generator, wit: Floats, rounds: int, conduct: Conduct) -> Played:
    """Play rounds of a community; entry USERS is the bot's."""
    entered = np.ones((rounds, USERS + 1), bool)
    entered[:, :USERS] = rng.random((rounds, USERS)) < ENTERS
    quality = np.append(wit, 0.0) + rng.normal(size=(rounds, USERS + 1))
    place = np.where(entered, rng.random((rounds, USERS + 1)), 9.0).argsort(1).argsort(1)
    place = place / np.maximum(entered.sum(1, keepdims=True) - 1, 1)
    seen = (quality - conduct.order * place)[:, None, :] + rng.normal(size=(rounds, USERS, USERS + 1))
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
    wins, total = [], votes.sum(1)
    for number in range(rounds):
        users = np.flatnonzero(entered[number, :USERS])
        if len(users) and total[number].any():
            lead = total[number, USERS] - votes[number, users, USERS] - total[number, users]
            wins.append(RoundWins(1, float((0.5 + 0.5 * np.sign(lead)).sum()), len(users)))
    pairs = entered[:, :USERS]
    better = float((quality[:, [USERS]] > quality[:, :USERS])[pairs].mean())
    return Played(wins, total[:, :USERS].sum(0).astype(float), better)


def share_of(wins: list[RoundWins]) -> float:
    return float(np.mean([won.score / won.pairs for won in wins]))


def measure(rng: np.random.Generator, communities: int, replications: int, conduct: Conduct) -> dict[str, float]:
    """Bias and coverage for each number of rounds."""
    errors: dict[int, list[float]] = {count: [] for count in ROUNDS}
    held: dict[int, list[bool]] = {count: [] for count in ROUNDS}
    attenuation = []
    for _ in range(communities):
        wit = rng.normal(0.3, 0.5, USERS)
        fair = play(rng, wit, TRUTH_ROUNDS, Conduct(order=0.0))
        truth = share_of(fair.wins)
        attenuation.append(truth - fair.better)
        for count in ROUNDS:
            wins = play(rng, wit, count * replications, conduct).wins
            for first in range(0, len(wins) - count + 1, count):
                if found := estimate_win_rate(wins[first : first + count]):
                    errors[count].append(found.share - truth)
                    held[count].append(found.low <= truth <= found.high)
    result = {f"bias_{count}": round(float(np.mean(errors[count])), 4) for count in ROUNDS}
    result |= {f"coverage_{count}": round(float(np.mean(held[count])), 4) for count in ROUNDS}
    return {**result, "attenuation": round(float(np.mean(attenuation)), 4)}


def friends_gain(rng: np.random.Generator, communities: int) -> float:
    """What three friends gain in the table, as a share of the mean user's points."""
    gains = []
    for _ in range(communities):
        wit = rng.normal(0.3, 0.5, USERS)
        fair = play(rng, wit, TRUTH_ROUNDS, Conduct()).points
        agreed = play(rng, wit, TRUTH_ROUNDS, Conduct(friends=True)).points
        gains.append((agreed[:FRIENDS].mean() - fair[:FRIENDS].mean()) / fair.mean())
    return round(float(np.mean(gains)), 4)


def main() -> None:
    """Print the measures of each seed as a line and those over all seeds as the last line."""
    parser = argparse.ArgumentParser(description="Bias and coverage of the bot's win rate in rounds of Oogiri.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--communities", type=int, default=20, help="of each seed")
    parser.add_argument("--replications", type=int, default=50, help="of each community and number of rounds")
    arguments = parser.parse_args()
    start, rows = time.monotonic(), []
    for seed in arguments.seeds:
        rng = np.random.default_rng(seed)
        row = measure(rng, arguments.communities, arguments.replications, Conduct())
        for name, conduct in (("friends", Conduct(friends=True)), ("trolls", Conduct(trolls=True))):
            found = measure(rng, arguments.communities, arguments.replications, conduct)
            row |= {f"{key}_{name}": value for key, value in found.items() if key != "attenuation"}
        row["friends_gain"] = friends_gain(rng, 5)
        print(json.dumps({"seed": seed, **row}), flush=True)
        rows.append(row)
    means = {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
    count = arguments.communities * arguments.replications * len(arguments.seeds)
    print(json.dumps({**means, "replications": count, "seconds": round(time.monotonic() - start)}))


if __name__ == "__main__":
    main()
