"""A made community for `benchmarks/judge.py`, in the spirit of the community benchmark's world, which is another file.

Users' taste is graded: z = shape + shape × subject + user × shape + leniency + photo + joke + noise. Texts are made of
a shape's words, a subject's words and filler, in English or Chinese, and the judge gets only them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.judge.observations import JokeColumns, Observations, SignalKind

SHAPES, SUBJECTS, USERS, GROUP = 18, 40, 30, 20
DEVIATIONS = {"shape": 0.5, "subject": 0.4, "user": 0.3, "leniency": 0.5, "photo": 0.4, "joke": 0.6, "noise": 1.0}
WRONG_SUBJECT, WRONG_PENALTY, FUNNY, LUKEWARM, TROLLS, RATERS = 0.1, 1.0, 0.7, 0.7, 0.1, 1.2
BASE_LIKING, PHOTOS_A_DAY, CANDIDATES, DAY_S = 0.3, 40, 4, 86400.0
LETTERS = "bcdfghjklmnprstvwz"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Vocabulary:
    """Words of shapes (opening, closing), subjects and filler, by language."""

    openings: list[tuple[str, str]]
    subjects: list[list[str]]
    filler: list[str]
    gap: str

    @classmethod
    def draw(cls, rng: np.random.Generator, chinese: bool) -> "Vocabulary":
        """Made words: syllables, or Chinese characters."""

        def word() -> str:
            if chinese:
                return "".join(chr(0x4E00 + int(code)) for code in rng.integers(0, 3000, int(rng.integers(1, 4))))
            return "".join(
                str(rng.choice(list(LETTERS))) + str(rng.choice(list("aeiou"))) for _ in range(rng.integers(1, 4))
            )

        gap = "" if chinese else " "
        marks = ["", "!", "?", "...", " 😂", " 🤷"]
        openings = [
            (gap.join(word() for _ in range(rng.integers(2, 5))), gap + word() + str(rng.choice(marks)))
            for _ in range(SHAPES)
        ]
        return cls(openings, [[word() for _ in range(2)] for _ in range(SUBJECTS)], [word() for _ in range(80)], gap)

    def text(self, rng: np.random.Generator, shape: int, subject: int) -> str:
        """A joke of a shape about a subject."""
        opening, closing = self.openings[shape]
        filler = [str(word) for word in rng.choice(self.filler, rng.integers(2, 8))]
        filler.insert(int(rng.integers(0, len(filler) + 1)), str(rng.choice(self.subjects[subject])))
        return f"{opening}{self.gap}{self.gap.join(filler)}{closing}"


class Community:
    """Users with tastes, and what they do with jokes; all from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        spread = DEVIATIONS
        self.shape = rng.normal(0, spread["shape"], SHAPES)
        self.subject = rng.normal(0, spread["subject"], (SHAPES, SUBJECTS))
        self.user = rng.normal(0, spread["user"], (USERS, SHAPES))
        self.leniency = rng.normal(0, spread["leniency"], USERS)
        self.trolls = rng.choice(USERS, round(TROLLS * USERS), replace=False)
        activity = 1 / np.arange(1, USERS + 1)
        self.activity = rng.permutation(activity)
        self.model = rng.dirichlet(np.full(SHAPES, 2.0))
        self.words = [Vocabulary.draw(rng, chinese) for chinese in (False, True)]
        variance = sum(value**2 for value in spread.values()) + WRONG_SUBJECT * (1 - WRONG_SUBJECT) * WRONG_PENALTY**2
        self.base = _normal_quantile(BASE_LIKING) * np.sqrt(variance) + WRONG_SUBJECT * WRONG_PENALTY
        self.spread = float(np.sqrt(variance))

    def photos(self, count: int, chinese: float = 0.3) -> "Photos":
        """Photos with candidates of the model."""
        rng = self.rng
        subject = rng.integers(0, SUBJECTS, count)
        shape = rng.choice(SHAPES, (count, CANDIDATES), p=self.model)
        wrong = rng.random((count, CANDIDATES)) < WRONG_SUBJECT
        named = np.where(wrong, rng.integers(0, SUBJECTS, (count, CANDIDATES)), subject[:, None])
        language = (rng.random(count) < chinese).astype(int)
        texts = [
            [
                self.words[language[photo]].text(rng, shape[photo, index], named[photo, index])
                for index in range(CANDIDATES)
            ]
            for photo in range(count)
        ]
        group = rng.random(count) < 2 / 3
        owner = np.where(group, rng.choice(GROUP, count), GROUP + rng.choice(USERS - GROUP, count))
        return Photos(subject, shape, wrong, texts, language, group, owner)

    def worth(self, photos: "Photos") -> Floats:
        """What can be known of each candidate's z (photos, candidates), averaged over who may rate it."""
        shares = self.activity[:GROUP] / self.activity[:GROUP].sum()
        taste = np.where(
            photos.group[:, None],
            (shares @ self.user[:GROUP])[photos.shape],
            self.user[photos.owner[:, None], photos.shape],
        )
        known = self.shape[photos.shape] + self.subject[photos.shape, photos.subject[:, None]]
        return known + taste - WRONG_PENALTY * photos.wrong

    def liking(self, worth: Floats) -> Floats:
        """P(liked) of jokes whose knowable part is `worth`, over all else."""
        from math import erf

        rest = np.sqrt(sum(DEVIATIONS[name] ** 2 for name in ("leniency", "photo", "joke", "noise")))
        return np.array([0.5 * (1 + erf((self.base + value) / rest / np.sqrt(2))) for value in worth.ravel()]).reshape(
            worth.shape
        )

    def rate(self, photos: "Photos", chosen: NDArray[np.int64], *, alternatives: bool = True) -> Observations:
        """What users do with the chosen candidate of each photo."""
        rng, count = self.rng, len(chosen)
        place = np.arange(count)
        shape, wrong = photos.shape[place, chosen], photos.wrong[place, chosen]
        fixed = (
            self.base
            + self.shape[shape]
            + self.subject[shape, photos.subject]
            - WRONG_PENALTY * wrong
            + rng.normal(0, DEVIATIONS["photo"], count)
            + rng.normal(0, DEVIATIONS["joke"], count)
        )
        rows: list[tuple[int, int, int, int, float, float]] = []
        for photo in range(count):
            people = np.arange(GROUP) if photos.group[photo] else photos.owner[photo : photo + 1]
            odds = RATERS * self.activity[people] / self.activity[people].sum()
            chat = -1000 if photos.group[photo] else int(people[0]) + 1
            for person in people[rng.poisson(odds) > 0]:
                z = fixed[photo] + self.user[person, shape[photo]] + self.leniency[person] + rng.normal()
                value = 1.0 if z > FUNNY else 0.5 if z > 0 else 0.0
                if person in self.trolls:
                    value = float(rng.integers(0, 3)) / 2
                elif abs(z) < LUKEWARM and rng.random() < 0.5:
                    rows.append((SignalKind.SILENCE, photo, int(person) + 1, chat, 0.0, photo / PHOTOS_A_DAY * DAY_S))
                    continue
                rows.append((SignalKind.RATING, photo, int(person) + 1, chat, value, photo / PHOTOS_A_DAY * DAY_S))
        kind, joke, user, chats, value, at = (np.array(column) for column in zip(*rows, strict=True))
        texts = [photos.texts[index][choice] for index, choice in enumerate(chosen)]
        others = tuple(
            tuple(text for number, text in enumerate(photos.texts[index]) if number != choice) if alternatives else ()
            for index, choice in enumerate(chosen)
        )
        plain = JokeColumns.of(texts, list(range(count)))
        jokes = JokeColumns(
            plain.texts,
            plain.photos,
            plain.models,
            tuple("en" if not each else "zh" for each in photos.language),
            plain.styles,
            plain.captions,
            plain.random,
            plain.propensity,
            plain.logprob,
            others,
        )
        return Observations(jokes, kind, joke, np.full(len(kind), -1), user, chats, value, at)


@dataclass(frozen=True)
class Photos:
    """n photos with candidates: `subject`, `group`, `owner`, `language` (n), `shape`, `wrong` (n, CANDIDATES)."""

    subject: NDArray[np.int64]
    shape: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    texts: list[list[str]]
    language: NDArray[np.int64]
    group: NDArray[np.bool_]
    owner: NDArray[np.int64]


def _normal_quantile(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)
