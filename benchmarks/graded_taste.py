"""A graded taste for jokes of the demo model, with the terms of issue 17's world.

A rating is z = b + shape N(0, .5) + shape × subject N(0, .4) + user × shape N(0, .3) + leniency N(0, .5) + photo
N(0, .4) + joke N(0, .6) + noise N(0, 1); the second numbers are standard deviations. A joke is liked if z > 0, and 😂
above .7. b is set so that liking is .30. A joke that names another subject than the picture's, or has no known shape,
loses 1. Lukewarm ratings (|z| < .7) come half as often. A tenth of the users press at random.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import NormalDist

from configs.subjects import PictureSubject, load_subjects
from trainer.demo_model.joke_templates import TemplateReader, load_shapes

SHAPE, SHAPE_SUBJECT, USER_SHAPE, LENIENCY, PHOTO, JOKE, NOISE = 0.5, 0.4, 0.3, 0.5, 0.4, 0.6, 1.0
WRONG, WRONG_SHARE, LIKING, FUNNY = 1.0, 0.1, 0.30, 0.7
USERS, TROLLS = 20, 2
UNKNOWN_SD = sqrt(USER_SHAPE**2 + LENIENCY**2 + PHOTO**2 + JOKE**2 + NOISE**2)
"""Standard deviation of what no judge can know of a fresh joke."""
TOTAL_SD = sqrt(UNKNOWN_SD**2 + SHAPE**2 + SHAPE_SUBJECT**2)
NORMAL = NormalDist()


def intercept() -> float:
    """b, by bisection: liking over all terms is LIKING, with WRONG_SHARE of the jokes about a wrong subject."""
    low, high = -3.0, 3.0
    for _ in range(60):
        b = (low + high) / 2
        liking = (1 - WRONG_SHARE) * NORMAL.cdf(b / TOTAL_SD) + WRONG_SHARE * NORMAL.cdf((b - WRONG) / TOTAL_SD)
        low, high = (b, high) if liking < LIKING else (low, b)
    return low


@dataclass(frozen=True)
class Rating:
    """A press: the joke's index, the user's id from 1, and 1 (😐), 2 (🙂) or 3 (😂)."""

    joke: int
    user: int
    value: int


class Effects(defaultdict[object, float]):
    """Normal effects by key, drawn when first asked for; the same for the same seed and key."""

    def __init__(self, seed: int, name: str, deviation: float) -> None:
        super().__init__()
        self._prefix, self._deviation = f"{seed} {name}", deviation

    def __missing__(self, key: object) -> float:
        self[key] = random.Random(f"{self._prefix} {key}").gauss(0, self._deviation)
        return self[key]


@dataclass
class GradedTaste:
    """The taste of a seed."""

    seed: int
    b: float = field(default_factory=intercept)
    reader: TemplateReader = field(default_factory=lambda: TemplateReader(load_shapes(), load_subjects()))

    def __post_init__(self) -> None:
        self.shape = Effects(self.seed, "shape", SHAPE)
        self.shape_subject = Effects(self.seed, "shape and subject", SHAPE_SUBJECT)
        self.user_shape = Effects(self.seed, "user and shape", USER_SHAPE)
        self.leniency = Effects(self.seed, "leniency", LENIENCY)

    def known(self, text: str, subject: PictureSubject) -> tuple[str, float]:
        """The shape of a joke, and the part of z that follows from its text and the picture's subject."""
        found = self.reader.read(text)
        if found is None:
            return "", -WRONG
        shape = f"{found.shape.language} {found.shape.text}"
        right = found.subject == subject
        return shape, self.shape[shape] + self.shape_subject[shape, subject.en] - WRONG * (not right)

    def liking(self, text: str, subject: PictureSubject) -> float:
        """P(liked) of a joke for a random user and photo of the subject: without the terms that no judge can know."""
        return NORMAL.cdf((self.b + self.known(text, subject)[1]) / UNKNOWN_SD)

    def rate(self, jokes: Sequence[tuple[str, PictureSubject]], raters: float) -> list[Rating]:
        """Ratings of jokes, one joke a photo, by `raters` users a joke on average before the lukewarm stay silent."""
        draw, ratings = random.Random(f"{self.seed} ratings"), []
        activity = [1 / rank for rank in range(1, USERS + 1)]
        trolls = set(draw.sample(range(USERS), TROLLS))
        for joke, (text, subject) in enumerate(jokes):
            shape, known = self.known(text, subject)
            shared = self.b + known + draw.gauss(0, PHOTO) + draw.gauss(0, JOKE)
            count = min(poisson(raters, draw), USERS)
            for user in sample_users(activity, count, draw):
                if user in trolls:
                    ratings.append(Rating(joke, user + 1, draw.choice((1, 2, 3))))
                    continue
                z = shared + self.user_shape[user, shape] + self.leniency[user] + draw.gauss(0, NOISE)
                if abs(z) >= FUNNY or draw.random() < 0.5:
                    ratings.append(Rating(joke, user + 1, 3 if z > FUNNY else 2 if z > 0 else 1))
        return ratings


def sample_users(activity: Sequence[float], count: int, draw: random.Random) -> list[int]:
    """`count` different users, by activity (Efraimidis and Spirakis, Information Processing Letters 97, 2006)."""
    keys = [draw.random() ** (1 / weight) for weight in activity]
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=True)[:count]


def poisson(mean: float, draw: random.Random) -> int:
    """A Poisson number: arrivals of rate 1 before `mean`."""
    count, time = 0, draw.expovariate(1)
    while time < mean:
        count, time = count + 1, time + draw.expovariate(1)
    return count
