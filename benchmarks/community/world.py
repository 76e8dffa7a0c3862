"""The community of `make bench-community`: users, their taste, photos, texts, and the table model.

THIS FILE MUST NOT CHANGE: the benchmark prints its SHA-256, and results with another sum are results of another world.
It follows the specification of the benchmark (docs/benchmarks.md). Where that is silent, the choice is stated here:

- Senders and raters are drawn by activity (1/rank, ranks shuffled over all users). A private chat has one possible
  rater, so that it gets at most one rating of a joke. A lukewarm rater stays silent half the time: the number of
  ratings is below 1.2 a joke.
- `b` counts in the wrong subject (.10) and the repeated shape, as often as the base, of equal shapes, repeats it (.68).
- Ratings come after a lognormal delay (median 10 minutes, standard deviation of its logarithm 1.5).
- A copied vote is one of the earlier ones, drawn at random. Trolls press any button, and copy nothing.
- In a duel a user picks the joke of larger z; neither if both are below -.7. A sender presses with the probability that
  a joke gets any rater.
- `liking` is the mean of P(z > 0) over the chat's users without trolls, weighted by activity; the terms of photo and
  joke, which nothing can know for a fresh photo, and the noise are integrated out.

Not in this world: pictures, users who come and go, changing taste, repeated photos, and 🔁.
"""

import math
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import log_softmax, ndtr

Floats = NDArray[np.float64]
SHAPES, SUBJECTS = 18, 40
SHAPE, SHAPE_SUBJECT, USER_SHAPE, LENIENCY, PHOTO, JOKE, NOISE = 0.5, 0.4, 0.3, 0.5, 0.4, 0.6, 1.0
"""Standard deviations of the terms of z."""
LIKING, FUNNY, LUKEWARM, LUKEWARM_RATE = 0.30, 0.7, 0.7, 0.5
WRONG_SUBJECT, WRONG_PENALTY = 0.10, 1.0
REPEAT_PENALTY, REPEAT_WINDOW = 0.3, 20
RATERS_A_JOKE, TROLLS, COPYING, COPYING_HIDDEN = 1.2, 0.1, 0.3, 0.1
DELAY_MEDIAN_S, DELAY_SIGMA = 600.0, 1.5
RIDGE_SHAPE, RIDGE_SHAPE_SUBJECT = 1.0, 3.0
DAY_S, WAKING_S = 86400.0, (8 * 3600.0, 24 * 3600.0)
"""Photos are sent between 8:00 and 24:00."""
FIRST_GROUP = -1001
USERS, PHOTOS, RATINGS, JOKES, DUELS = range(5)
"""Streams of random numbers."""

FORMS = (
    ("When your", "finally discovers", "and nobody is safe"),
    ("Nobody: absolutely nobody: this", "at 3 am thinking about", ""),
    ("POV: you are the", "who forgot", "again"),
    ("Breaking news: local", "demands", "before breakfast"),
    ("My", "after one look at", "and honestly same"),
    ("Plot twist: the", "was secretly", "all along"),
    ("Dear diary, today the", "chose", "over me"),
    ("Scientists confirm every", "contains traces of", ""),
    ("Five stars. This", "comes with", "would stare again"),
    ("Technically a", "is just", "with better lighting"),
    ("Roses are red, the", "is blue, bring", "too"),
    ("Why did the", "cross the road? Because of", ""),
    ("Not all heroes wear capes: a", "brings", "instead"),
    ("Rumour has it the", "once paid rent with", ""),
    ("Somewhere in a parallel universe a", "is president of", "now"),
    ("Therapist: that", "can't hurt you. Meanwhile", ""),
    ("Employee of the month: one", "known for", "only"),
    ("Legend says a", "still waits for", "in the rain"),
)
"""The words of each shape: before the subject, after it, and at the end."""
NOUN_LIST = (
    "cat dog horse parrot goldfish hamster cow penguin elephant squirrel bicycle train bus scooter tractor sailboat "
    "pizza burger sushi cake coffee noodle salad mushroom beach mountain bridge library kitchen garage umbrella "
    "guitar teapot chair lamp snowman statue keyboard wedding birthday"
)
FILLER_LIST = (
    "sleepy tiny cosmic awkward suspicious velvet haunted polite sticky golden invisible nervous crunchy forgotten "
    "heroic moist electric royal wobbly imaginary mondays taxes socks gravity homework karaoke spreadsheets glitter "
    "thunder pancakes passwords algebra pirates lasagna confetti deadlines yoga wifi mayonnaise jazz dust batteries "
    "monologues bubbles rivals ladders candles secrets fireworks soup"
)
NOUNS, FILLERS = NOUN_LIST.split(), FILLER_LIST.split()


@dataclass(frozen=True)
class Size:
    """A community: members of each group, number of private chats, photos a day over all chats."""

    groups: tuple[int, ...] = (20,)
    private: int = 10
    photos: int = 40


@dataclass(frozen=True)
class User:
    """`id` is positive, as Telegram's. The id of a private chat is its user's."""

    id: int
    chat_id: int
    troll: bool
    activity: float


@dataclass(frozen=True)
class Photo:
    """A photo sent by a user at `at` (seconds from the start). Only `id` is known outside the world."""

    id: int
    at: float
    user_id: int
    chat_id: int
    subject: int
    effect: float


@dataclass(frozen=True)
class TableModel:
    """The model in place of a checkpoint: logits of shapes (18) and of shapes by subject (18, 40)."""

    shape: Floats
    shape_subject: Floats

    @classmethod
    def base(cls) -> "TableModel":
        """The base model: every shape equally likely."""
        return cls(np.zeros(SHAPES), np.zeros((SHAPES, SUBJECTS)))

    def log_probabilities(self) -> Floats:
        """Log-probability of each shape for a photo of each subject (18, 40)."""
        return np.asarray(log_softmax(self.shape[:, None] + self.shape_subject, axis=0))

    def train(self, rows: Sequence[tuple[str, Photo]], weights: Sequence[float]) -> "TableModel":
        """The weighted maximum likelihood of texts for photos, with a ridge around this model, to convergence."""
        counts = np.zeros((SHAPES, SUBJECTS))
        for (text, photo), weight in zip(rows, weights, strict=True):
            counts[shape_of(text), photo.subject] += weight
        total = counts.sum(axis=0)

        def loss(change: Floats) -> tuple[float, Floats]:
            shape, cells = change[:SHAPES], change[SHAPES:].reshape(SHAPES, SUBJECTS)
            log_p = log_softmax((self.shape + shape)[:, None] + self.shape_subject + cells, axis=0)
            gradient = np.exp(log_p) * total - counts
            penalty = RIDGE_SHAPE * (shape**2).sum() + RIDGE_SHAPE_SUBJECT * (cells**2).sum()
            return (
                float(penalty / 2 - (counts * log_p).sum()),
                np.concatenate(
                    [
                        gradient.sum(axis=1) + RIDGE_SHAPE * shape,
                        (gradient + RIDGE_SHAPE_SUBJECT * cells).ravel(),
                    ]
                ),
            )

        best = minimize(loss, np.zeros(SHAPES * (1 + SUBJECTS)), jac=True, method="L-BFGS-B", options={"gtol": 1e-6}).x
        return TableModel(self.shape + best[:SHAPES], self.shape_subject + best[SHAPES:].reshape(SHAPES, SUBJECTS))


def shape_of(text: str) -> int:
    """The shape of a text of this world."""
    return next(shape for shape, form in enumerate(FORMS) if text.startswith(form[0] + " "))


def subject_of(text: str) -> int:
    """The subject that a text of this world names."""
    return next(NOUNS.index(word) for word in text.removeprefix(FORMS[shape_of(text)][0]).split() if word in NOUNS)


def bias() -> float:
    """The constant b of z that makes the base's liking .30 over all terms."""
    spread = math.sqrt(sum(part**2 for part in (SHAPE, SHAPE_SUBJECT, USER_SHAPE, LENIENCY, PHOTO, JOKE, NOISE)))
    repeated = 1 - (1 - 1 / SHAPES) ** REPEAT_WINDOW
    cases = [
        (p_wrong * p_repeat, -WRONG_PENALTY * wrong - REPEAT_PENALTY * repeat)
        for wrong, p_wrong in ((0, 1 - WRONG_SUBJECT), (1, WRONG_SUBJECT))
        for repeat, p_repeat in ((0, 1 - repeated), (1, repeated))
    ]
    phi = NormalDist().cdf
    return float(brentq(lambda b: sum(p * phi((b + change) / spread) for p, change in cases) - LIKING, -5, 5))


class World:
    """One community with its taste, drawn from a seed. Photos, raters and noise are the same for every arm."""

    def __init__(self, seed: int, size: Size = Size()) -> None:
        self.seed, self.size, self.bias = seed, size, bias()
        random = self._random(USERS)
        chats = [FIRST_GROUP - number for number, members in enumerate(size.groups) for _ in range(members)]
        people = len(chats) + size.private
        activity = 1 / (1 + random.permutation(people))
        trolls = set(random.choice(people, round(TROLLS * people), replace=False).tolist())
        self.users = {
            index + 1: User(
                index + 1, chats[index] if index < len(chats) else index + 1, index in trolls, float(activity[index])
            )
            for index in range(people)
        }
        self.members: dict[int, list[User]] = {}
        for user in self.users.values():
            self.members.setdefault(user.chat_id, []).append(user)
        self._shape = random.normal(0, SHAPE, SHAPES)
        self._shape_subject = random.normal(0, SHAPE_SUBJECT, (SHAPES, SUBJECTS))
        self._user_shape = random.normal(0, USER_SHAPE, (people + 1, SHAPES))
        self._leniency = random.normal(0, LENIENCY, people + 1)

    def _random(self, *key: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *key])

    def new_history(self) -> dict[int, deque[int]]:
        """The shapes of each chat's last jokes, newest last; empty. A shape in it is `repeated` for the next joke."""
        return {chat: deque(maxlen=REPEAT_WINDOW) for chat in self.members}

    def photos_of_day(self, day: int) -> list[Photo]:
        """The photos of a day, in order; photo ids count from 1."""
        random = self._random(PHOTOS, day)
        count, users = self.size.photos, list(self.users.values())
        activity = np.array([user.activity for user in users])
        times = np.sort(random.uniform(*WAKING_S, count)) + day * DAY_S
        senders = random.choice(len(users), count, p=activity / activity.sum())
        subjects, effects = random.integers(SUBJECTS, size=count), random.normal(0, PHOTO, count)
        return [
            Photo(
                day * count + number + 1,
                float(times[number]),
                users[senders[number]].id,
                users[senders[number]].chat_id,
                int(subjects[number]),
                float(effects[number]),
            )
            for number in range(count)
        ]

    def write(self, model: TableModel, photo: Photo, number: int, random: np.random.Generator) -> list[str]:
        """Texts that a model writes about a photo."""
        shapes = random.choice(SHAPES, number, p=np.exp(model.log_probabilities()[:, photo.subject]))
        return [self._text(int(shape), photo, random) for shape in shapes]

    def _text(self, shape: int, photo: Photo, random: np.random.Generator) -> str:
        subject = photo.subject
        if random.random() < WRONG_SUBJECT:
            subject = (subject + int(random.integers(1, SUBJECTS))) % SUBJECTS
        fillers = random.choice(FILLERS, 2 + shape % 3 + int(random.integers(3)), replace=False)
        words = [FORMS[shape][0], fillers[0], NOUNS[subject], FORMS[shape][1], *fillers[1:], FORMS[shape][2]]
        return " ".join(word for word in words if word)

    def _means(self, photo: Photo, text: str, repeated: bool, users: Sequence[int]) -> Floats:
        """z of these users without the terms of photo and joke and without noise."""
        shape, index = shape_of(text), np.array(users)
        common = self.bias + self._shape[shape] + self._shape_subject[shape, photo.subject]
        common -= WRONG_PENALTY * (subject_of(text) != photo.subject) + REPEAT_PENALTY * repeated
        return np.asarray(common + self._user_shape[index, shape] + self._leniency[index])

    def _z(self, photo: Photo, text: str, repeated: bool, user_id: int, noise: float) -> float:
        joke = self._random(JOKES, photo.id, zlib.crc32(text.encode())).normal(0, JOKE)
        return float(self._means(photo, text, repeated, [user_id])[0]) + photo.effect + joke + noise

    def liking(self, photo: Photo, text: str, repeated: bool) -> float:
        """The exact expected liking of a joke in its chat, over photos, jokes and noise; NaN if it has only trolls."""
        users = [user for user in self.members[photo.chat_id] if not user.troll]
        if not users:
            return math.nan
        scores = self._means(photo, text, repeated, [user.id for user in users]) / math.hypot(PHOTO, JOKE, NOISE)
        return float(np.average(ndtr(scores), weights=[user.activity for user in users]))

    def visits(self, photo: Photo) -> list[tuple[float, int]]:
        """Times and users that would rate the joke for a photo, in order."""
        random, members = self._random(RATINGS, photo.id), self.members[photo.chat_id]
        activity = np.array([user.activity for user in members])
        count = min(int(random.poisson(RATERS_A_JOKE)), len(members))
        raters = random.choice(len(members), count, replace=False, p=activity / activity.sum())
        delays = random.lognormal(math.log(DELAY_MEDIAN_S), DELAY_SIGMA, count)
        return sorted((photo.at + float(d), members[r].id) for d, r in zip(delays, raters, strict=True))

    def rating(
        self, photo: Photo, text: str, repeated: bool, user_id: int, votes: Sequence[int], hidden: bool
    ) -> int | None:
        """A visiting user's rating (1…3), or None; `votes` are the earlier ones, `hidden` if no counts are shown."""
        random = self._random(RATINGS, photo.id, user_id, zlib.crc32(text.encode()))
        noise, lukewarm, copying, other, button = random.normal(0, NOISE), *random.random(4)
        if self.users[user_id].troll:
            return 1 + int(3 * button)
        z = self._z(photo, text, repeated, user_id, noise)
        if abs(z) < LUKEWARM and lukewarm >= LUKEWARM_RATE:
            return None
        if votes and copying < (COPYING_HIDDEN if hidden else COPYING):
            return votes[int(len(votes) * other)]
        return 3 if z > FUNNY else 2 if z > 0 else 1

    def duel_press(self, photo: Photo) -> float | None:
        """When the sender of a photo presses a button of its duel; None for never."""
        random = self._random(DUELS, photo.id)
        if random.random() >= 1 - math.exp(-RATERS_A_JOKE):
            return None
        return photo.at + float(random.lognormal(math.log(DELAY_MEDIAN_S), DELAY_SIGMA))

    def duel_choice(self, photo: Photo, texts: Sequence[str], repeated: Sequence[bool], user_id: int) -> int | None:
        """The index of the joke that a user prefers; None for neither."""
        random = self._random(DUELS, photo.id, user_id)
        if self.users[user_id].troll:
            return (0, 1, None)[int(random.integers(3))]
        both = zip(texts, repeated, strict=True)
        z = [self._z(photo, *joke, user_id, random.normal(0, NOISE)) for joke in both]
        return None if max(z) < -LUKEWARM else int(z[1] > z[0])
