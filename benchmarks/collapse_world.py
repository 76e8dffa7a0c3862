"""Made models for `make bench-collapse`: base vocabularies, photos with captions, and replies of a model.

A writer is a function (photo, language, draw) → text. Base vocabularies:

    shapes   18 joke ideas of equal frequency, each with a few wordings
    skewed   the same, with frequencies 1/rank
    demo     the demo model's 18 jokes in each language
    free     a setup and an ending, drawn independently: 24 × 36 combinations
"""

import random
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.prompts import load_prompts
from trainer.demo_model.joke_templates import jokes, load_shapes
from trainer.gate.holdout_data import HoldoutData, HoldoutJoke, HoldoutPhoto

TEXTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("collapse_texts.toml").read_text(encoding="utf-8"))
KINDS = ("shapes", "skewed", "demo", "free")
LANGUAGES = (("en",), ("zh",), ("en", "zh"))
CAPTIONED = 0.3
"""Share of photos with a caption."""
EMOJI = "😂🤣😅😭🔥👀✨💀"
CHOICE = re.compile(r"\[([^]]*)\]")


@dataclass(frozen=True)
class Picture:
    """A photo: its name, its subject's number, and its caption by language."""

    name: str
    subject: int
    captions: dict[str, str]


Writer = Callable[[Picture, str, random.Random], str]


@dataclass(frozen=True)
class Idea:
    """One joke in several wordings; {s} is the subject."""

    text: str

    def fill(self, name: str, draw: random.Random) -> str:
        text = CHOICE.sub(lambda found: draw.choice(found[1].split("|")), self.text)
        for slot in ("{s}", "{a}", "{A}", "{h}"):
            text = text.replace(slot, name)
        return text


def subject_name(number: int, language: str) -> str:
    return str(TEXTS[language]["subjects"][number])


def pictures(count: int, languages: Sequence[str], draw: random.Random) -> list[Picture]:
    """Photos whose subjects have frequencies 1/rank, some with captions."""
    subjects = draw.choices(range(40), [1 / (rank + 3) for rank in range(40)], k=count)
    return [
        Picture(
            f"{draw.getrandbits(60):016x}",
            subject,
            {
                language: draw.choice(TEXTS[language]["captions"]).replace("{s}", subject_name(subject, language))
                for language in languages
            }
            if draw.random() < CAPTIONED
            else {},
        )
        for subject in subjects
    ]


@dataclass(frozen=True)
class Vocabulary:
    """The joke ideas of a base model by language, in one or two parts, with their frequencies.

    A joke is one idea of each part, joined by a comma. `emoji` is the share of jokes with an emoji.
    """

    parts: dict[str, list[list[Idea]]]
    weights: dict[str, list[list[float]]]
    emoji: float = 0.0

    def write(self, picture: Picture, language: str, draw: random.Random) -> str:
        name = subject_name(picture.subject, language)
        told = [
            draw.choices(ideas, weights)[0].fill(name, draw)
            for ideas, weights in zip(self.parts[language], self.weights[language], strict=True)
        ]
        end = {"en": ".", "zh": "。"}[language]
        text = told[0] if len(told) == 1 else {"en": ", ", "zh": "，"}[language].join(told) + end
        return text + (" " + draw.choice(EMOJI) if draw.random() < self.emoji else "")

    def reweighted(self, change: Callable[[list[float]], list[float]]) -> "Vocabulary":
        """The vocabulary with changed frequencies of its last part."""
        weights = {language: [*parts[:-1], change(parts[-1])] for language, parts in self.weights.items()}
        return Vocabulary(self.parts, weights, self.emoji)


def vocabulary(kind: str, languages: Sequence[str], draw: random.Random) -> Vocabulary:
    """A base model's vocabulary; an emoji ends 30 % of the jokes of every third one."""
    parts = {language: ideas(kind, language) for language in languages}
    weights = {
        language: [[1 / (rank + 1) if kind == "skewed" else 1.0 for rank in range(len(part))] for part in found]
        for language, found in parts.items()
    }
    for language_parts in parts.values():
        for part in language_parts:
            draw.shuffle(part)
    return Vocabulary(parts, weights, 0.3 if draw.random() < 1 / 3 else 0.0)


def ideas(kind: str, language: str) -> list[list[Idea]]:
    if kind == "demo":
        return [[Idea(shape.text) for shape in jokes(load_shapes(), language)]]
    if kind == "free":
        return [[Idea(text) for text in TEXTS[language]["free"][part]] for part in ("setups", "endings")]
    return [[Idea(text) for text in TEXTS[language]["shapes"]]]


def held_out(photos: Sequence[Picture], languages: Sequence[str], training: list[tuple[str, str]]) -> HoldoutData:
    """The gate's data: two rated jokes on each photo, requested with its caption."""
    found = []
    for photo in photos:
        rated = tuple(
            HoldoutJoke(load_prompts().ask(language, None, photo.captions.get(language)), "…", language, liking)
            for language in languages
            for liking in (1.0, 0.0)
        )
        found.append(HoldoutPhoto(photo.name, Path(photo.name), rated))
    return HoldoutData(found, training, list(languages))
