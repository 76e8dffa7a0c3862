"""The demo model's subjects: their names in both languages, and their emoji."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from configs.errors import JokebotError

SUBJECTS_FILE = Path(__file__).parents[2] / "configs" / "demo-model" / "subjects.toml"


@dataclass(frozen=True)
class PictureSubject:
    """A subject of pictures. `emoji` are code points in hexadecimal."""

    article: str
    en: str
    zh: str
    emoji: tuple[str, ...]

    def name(self, language: str) -> str:
        return self.zh if language == "zh" else self.en

    def slots(self, language: str) -> dict[str, str]:
        """The values of {s}, {a}, {A} and {h} in a joke shape."""
        name = self.name(language)
        if language == "zh":
            return {"s": name, "a": name, "A": name, "h": name}
        with_article = f"{self.article} {name}"
        return {
            "s": name,
            "a": with_article,
            "A": with_article[0].upper() + with_article[1:],
            "h": name.replace(" ", "-"),
        }


@cache
def load_subjects(path: Path = SUBJECTS_FILE) -> tuple[PictureSubject, ...]:
    """All subjects in the file's order, which is also the order of their class numbers in training.

    Raises JokebotError for an invalid file, and if two subjects have the same name.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        found = tuple(
            PictureSubject(article, name, zh, tuple(emoji.split()))
            for article, names in data.items()
            for name, (zh, emoji) in names.items()
        )
    except (tomllib.TOMLDecodeError, ValueError, AttributeError) as error:
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
