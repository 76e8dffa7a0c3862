"""What the demo model can name: the names in both languages, the emoji that draw it, the classes of the recogniser.

The bot writes a recognised name into the prompt (`configs/prompts.py`), and training fills joke shapes with the names.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from configs.errors import JokebotError

SUBJECTS_FILE = Path(__file__).with_name("demo-model") / "subjects.toml"
RECOGNISER_FILE = SUBJECTS_FILE.with_name("recogniser.toml")


@dataclass(frozen=True)
class PictureSubject:
    """A subject of pictures. `emoji` are code points in hexadecimal, `classes` the recogniser's class numbers.

    `kinds` are names of what a subject without classes is one of ("animal").
    """

    article: str
    en: str
    zh: str
    emoji: tuple[str, ...] = ()
    classes: tuple[int, ...] = field(default=(), compare=False)
    kinds: tuple[str, ...] = field(default=(), compare=False)

    def name(self, language: str) -> str:
        return self.zh if language == "zh" else self.en

    def phrase(self, language: str) -> str:
        """The name as it stands in a sentence: with its article in English."""
        return self.zh if language == "zh" else f"{self.article} {self.en}"

    def slots(self, language: str) -> dict[str, str]:
        """The values of {s}, {a} and {A} in a joke shape."""
        phrase = self.phrase(language)
        return {"s": self.name(language), "a": phrase, "A": phrase[0].upper() + phrase[1:]}


@cache
def load_subjects(path: Path = SUBJECTS_FILE) -> tuple[PictureSubject, ...]:
    """The subjects of drawings in the file's order, which is also the order of their class numbers in training.

    Raises JokebotError for an invalid file, and if two subjects have the same name.
    """
    return distinct(
        path,
        lambda data: [
            PictureSubject(article, name, zh, tuple(emoji.split()))
            for article, names in data.items()
            for name, (zh, emoji) in names.items()
        ],
    )


@cache
def load_vocabulary(path: Path = RECOGNISER_FILE) -> tuple[PictureSubject, ...]:
    """The subjects of drawings, then the further ones that the recogniser can name, all with their classes.

    Raises JokebotError as `load_subjects` does.
    """

    def read(data: dict[str, Any]) -> list[PictureSubject]:
        known, members = dict(data["subjects"]), {kind: text.split(", ") for kind, text in data["kinds"].items()}
        subjects = [
            replace(
                each,
                classes=tuple(numbers(known.pop(each.en, ""))),
                kinds=tuple(kind for kind, names in members.items() if each.en in names),
            )
            for each in load_subjects()
        ]
        missing = {*known, *(name for names in members.values() for name in names)} - {each.en for each in subjects}
        if missing or known:
            raise ValueError(f"subjects.toml has no {', '.join(sorted({*missing, *known}))}")
        return subjects + [
            PictureSubject(article, name, zh, (), tuple(numbers(classes)))
            for article, names in data["new"].items()
            for name, (zh, classes) in names.items()
        ]

    return distinct(path, read)


@cache
def subject_of(name: str) -> PictureSubject | None:
    """The subject with that English name, or None."""
    return next((subject for subject in load_vocabulary() if subject.en == name), None)


def numbers(text: str) -> Iterator[int]:
    """The numbers of a list such as `3 7-9`."""
    for part in text.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def distinct(path: Path, read: Any) -> tuple[PictureSubject, ...]:
    """The subjects that `read` makes of a file. Raises JokebotError."""
    try:
        found = tuple(read(tomllib.loads(path.read_text(encoding="utf-8"))))
    except (tomllib.TOMLDecodeError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise JokebotError(f"{path.name} can't be used: {error}.") from error
    for part in ("en", "zh"):
        names = [getattr(subject, part) for subject in found]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise JokebotError(f"{path.name}: two subjects have the same name: {', '.join(twice)}.")
    return found


def subjects_named(text: str, language: str, subjects: Iterable[PictureSubject]) -> set[PictureSubject]:
    """The subjects that a text names. A name inside a longer one ("mouse" in "computer mouse") does not count."""
    by_name = {subject.name(language).lower().replace("-", " "): subject for subject in subjects}
    names = "|".join(map(re.escape, sorted(by_name, key=len, reverse=True)))
    pattern = f"({names})" if language == "zh" else rf"\b({names})\b"
    return {by_name[name] for name in re.findall(pattern, text.lower().replace("-", " "))}
