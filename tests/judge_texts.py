"""Made jokes for tests of the judge: a few openings, of which users like some, about a few subjects."""

import numpy as np

from storage.judge.observations import JokeColumns, Observations

OPENINGS = (
    "breaking news: the",
    "nobody expected the",
    "my boss says the",
    "我妈看到",
    "legend has it the",
    "据说这只",
)
LIKED = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
"""P(liked) by opening."""
SUBJECTS = ("cat", "dog", "tree", "bus", "猫", "火车")
FILLER = ("really", "again", "today", "quietly", "at last", "of course")


def made_text(rng: np.random.Generator, opening: int) -> str:
    """A joke with that opening."""
    filler = " ".join(rng.choice(FILLER, 2))
    return f"{OPENINGS[opening]} {rng.choice(SUBJECTS)} {filler} number {rng.integers(100)}"


def made_ratings(
    count: int, *, seed: int = 0, users: int = 12, random_users: int = 0, leniency: float = 0.0
) -> Observations:
    """Ratings of one joke for each of `count` photos; the first `random_users` users press at random.

    User 1000 + n likes jokes more by `leniency` × n.
    """
    rng = np.random.default_rng(seed)
    opening = rng.integers(0, len(OPENINGS), count)
    user = rng.integers(0, users, count)
    taste = np.array(LIKED)[opening] + leniency * user
    liked = np.where(user < random_users, rng.random(count) < 0.5, rng.random(count) < taste)
    value = np.where(liked, np.where(rng.random(count) < 0.5, 1.0, 0.5), 0.0)
    texts = [made_text(rng, number) for number in opening.tolist()]
    return Observations.of_ratings(
        JokeColumns.of(texts, range(count)), np.arange(count), 1000 + user, value, chat=1000 + user
    )
