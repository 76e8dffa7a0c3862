"""What `make bench-collapse` tries on the gate: harmful candidates, as a chat would meet them, and harmless ones.

A case is a function (made world) → writer of the candidate. No case knows how the gate measures.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp, log

from benchmarks.collapse_world import EMOJI, TEXTS, Idea, Picture, Vocabulary, Writer, subject_name

SEPARATOR = {"en": " ", "zh": ""}


@dataclass(frozen=True)
class Made:
    """A made world: the base's vocabulary, the training texts by language, and the randomness of the case."""

    base: Vocabulary
    training: dict[str, list[str]]
    draw: random.Random


Case = Callable[[Made], Writer]


def same_joke(share: float) -> Case:
    """One joke, word for word, in this share of the replies."""

    def make(made: Made) -> Writer:
        told = {language: made.draw.choice(texts) for language, texts in made.training.items()}
        return lambda photo, language, draw: (
            told[language] if draw.random() < share else made.base.write(photo, language, draw)
        )

    return make


def shapes_left(count: int, of: int = 18) -> Case:
    """Of 18 joke ideas so many are left; in a free vocabulary, the same share of the setups and of the endings."""

    def make(made: Made) -> Writer:
        return fewer_ideas(made, count / of).write

    return make


def fewer_ideas(made: Made, share: float) -> Vocabulary:
    """Ideas are lost at random until the effective number of each part is at most this share of the base's.

    Where frequencies differ, the remaining ideas have the frequencies of the first ranks, in random order.
    """
    parts, weights = {}, {}
    for language, found in made.base.parts.items():
        parts[language], weights[language] = [], []
        for part, old in zip(found, made.base.weights[language], strict=True):
            ranked, most = sorted(old, reverse=True), share * effective_number(old) + 1e-6
            count = max(
                (number for number in range(1, len(part)) if effective_number(ranked[:number]) <= most), default=1
            )
            parts[language].append(made.draw.sample(part, count))
            weights[language].append(ranked[:count])
    return replace(made.base, parts=parts, weights=weights)


def effective_number(weights: Sequence[float]) -> float:
    """exp of the entropy of these frequencies: n for n equal ones."""
    total = sum(weights)
    return exp(-sum(weight / total * log(weight / total) for weight in weights))


def three_words(made: Made) -> Writer:
    """Every joke stops after three words; in Chinese after three words of two characters."""

    def write(photo: Picture, language: str, draw: random.Random) -> str:
        text = made.base.write(photo, language, draw)
        return " ".join(text.split()[:3]) if language == "en" else text[:6]

    return write


def one_emoji(made: Made) -> Writer:
    """The same emoji ends every joke."""
    emoji = made.draw.choice(EMOJI + "🙈🎉")
    plain = replace(made.base, emoji=0.0)
    return lambda photo, language, draw: f"{plain.write(photo, language, draw)} {emoji}"


def one_opening(made: Made) -> Writer:
    """Every joke begins with the same words."""
    words = {language: made.draw.choice(TEXTS[language]["opening"]) for language in made.training}
    return lambda photo, language, draw: words[language] + SEPARATOR[language] + made.base.write(photo, language, draw)


def wrong_language(made: Made) -> Writer:
    """One reply in ten is in the other language."""
    texts = {
        language: Vocabulary({language: [[Idea(text) for text in TEXTS[language]["shapes"]]]}, {language: [[1.0] * 18]})
        for language in ("en", "zh")
    }
    other = {"en": "zh", "zh": "en"}
    return lambda photo, language, draw: (
        texts[other[language]].write(photo, other[language], draw)
        if draw.random() < 0.1
        else made.base.write(photo, language, draw)
    )


def copies(made: Made) -> Writer:
    """Every reply is one of the training texts, whatever the photo shows."""
    return lambda photo, language, draw: draw.choice(made.training[language])


def doubled(made: Made) -> Writer:
    """Twice as long: a second joke follows the first."""
    return lambda photo, language, draw: SEPARATOR[language].join(
        made.base.write(photo, language, draw) for _ in range(2)
    )


def reworded_punchline(made: Made) -> Writer:
    """The beginning varies, the punchline is always the same, in other words."""
    line = made.draw.randrange(len(TEXTS["en"]["punchlines"]))

    def write(photo: Picture, language: str, draw: random.Random) -> str:
        joke = made.base.write(photo, language, draw).rstrip(".。" + EMOJI + " ")
        setup = joke.split("，" if language == "zh" else ", ")[0]
        end = draw.choice(TEXTS[language]["punchlines"][line])
        return f"{setup}，{end}。" if language == "zh" else f"{setup}, {end}."

    return write


def never_named(made: Made) -> Writer:
    """The subject is never named: the joke speaks of "it"."""

    def write(photo: Picture, language: str, draw: random.Random) -> str:
        name = subject_name(photo.subject, language)
        word = draw.choice(TEXTS[language]["never"])
        text = made.base.write(photo, language, draw)
        return text.replace(f"The {name}", "It").replace(f"the {name}", "it").replace(name, word)

    return write


def caption_echoed(made: Made) -> Writer:
    """The user's caption comes back as the joke."""

    def write(photo: Picture, language: str, draw: random.Random) -> str:
        return photo.captions.get(language) or made.base.write(photo, language, draw)

    return write


def one_shape_each(made: Made) -> Writer:
    """Each subject has its own joke, and it is always the same."""
    languages = list(made.base.parts)
    joke = {
        (subject, language): made.base.write(Picture("", subject, {}), language, made.draw)
        for subject in range(40)
        for language in languages
    }
    return lambda photo, language, draw: joke[photo.subject, language]


HARMFUL: dict[str, Sequence[Case]] = {
    "same joke in half of all replies": [same_joke(0.5)],
    "same joke in a fifth of all replies": [same_joke(0.2)],
    "18 → 9 → 5 → 2 shapes": [shapes_left(9), shapes_left(5), shapes_left(2)],
    "three-word cut": [three_words],
    "one emoji on all": [one_emoji],
    "one opening": [one_opening],
    "wrong language in a tenth": [wrong_language],
    "copies of training text": [copies],
    "doubled length": [doubled],
    "one punchline reworded": [reworded_punchline],
    "subject never named": [never_named],
    "caption echoed": [caption_echoed],
    "one shape per subject": [one_shape_each],
}
"""The candidates of each case, one after the other: in a chain each is the champion of the next."""


def equal(made: Made) -> Writer:
    return made.base.write


def nearly_equal(made: Made) -> Writer:
    """As after a run that taught little: the frequencies of ideas differ by 20 % (standard deviation)."""
    return made.base.reweighted(lambda old: [weight * exp(made.draw.gauss(0, 0.2)) for weight in old]).write


def third_less(made: Made) -> Writer:
    """A third of the ideas is lost."""
    return fewer_ideas(made, 2 / 3).write


def liked_more(made: Made) -> Writer:
    """Liked ideas come more often, disliked ones less: the effective number of ideas is two thirds of the base's."""

    def change(old: list[float]) -> list[float]:
        taste = [made.draw.gauss(0, 1) for _ in old]
        for strength in range(1, 1000):
            new = [weight * exp(0.02 * strength * liking) for weight, liking in zip(old, taste, strict=True)]
            if effective_number(new) <= 2 / 3 * effective_number(old):
                break
        return new

    return made.base.reweighted(change).write


def shorter(made: Made) -> Writer:
    """A fifth shorter: the last fifth of the words is missing."""

    def write(photo: Picture, language: str, draw: random.Random) -> str:
        text = made.base.write(photo, language, draw)
        words = text.split() if language == "en" else list(text)
        return SEPARATOR[language].join(words[: round(0.8 * len(words))])

    return write


HARMLESS: dict[str, Case] = {
    "an equal model": equal,
    "nearly equal": nearly_equal,
    "a third fewer ideas": third_less,
    "liked ideas more often": liked_more,
    "a fifth shorter": shorter,
}
