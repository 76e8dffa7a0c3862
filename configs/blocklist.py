"""The block list: words and patterns that no joke may contain.

An entry is a word, a phrase, or a regular expression between slashes; the prefix `zh: ` limits it to jokes in that
language. Texts and words are compared after `normalize`, so full-width letters, capitals and invisible characters don't
evade it. In scripts that put spaces between words an entry matches whole words only; in others (Chinese, Japanese,
Korean, Thai) it matches anywhere.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from configs.errors import SettingsError
from configs.safety import SafetySettings

ENTRY = re.compile(r"(?:(?P<language>[a-z]{2,3})\s*:\s+)?(?P<body>.*\S)\s*", re.DOTALL)
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts without spaces between words, or whose endings follow a word directly (Korean)."""
LETTER = rf"[^\W_{UNSPACED}]"
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Invisible characters outside of Unicode's class of format characters (Cf)."""


def normalize(text: str) -> str:
    """The text in NFKC, case folded, without invisible characters, each run of white space as one space."""
    visible = "".join(character for character in text if not _is_invisible(character))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return " ".join(folded.split())


def _is_invisible(character: str) -> bool:
    return (
        unicodedata.category(character) == "Cf"
        or character in INVISIBLE
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


@dataclass(frozen=True)
class BlockEntry:
    """A line of the list. `written` is the line itself.

    Each text that `pattern` matches contains `needle`, whose search is faster.
    """

    written: str
    language: str | None
    needle: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class BlockList:
    """All entries of the list."""

    entries: tuple[BlockEntry, ...] = ()

    @classmethod
    def of(cls, settings: SafetySettings) -> "BlockList":
        """The entries of the settings and of the file.

        Raises SettingsError if the file can't be read or a pattern is invalid.
        """
        lines = list(settings.blocked)
        if settings.blocked_file:
            try:
                lines += settings.blocked_file.read_text(encoding="utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise SettingsError(
                    f"The block list {settings.blocked_file} (setting safety.blocked_file) can't be read: {why}."
                ) from error
        return cls.read(lines)

    @classmethod
    def read(cls, lines: Iterable[str]) -> "BlockList":
        """The entries of lines, without empty lines and comments (#). Raises SettingsError for an invalid pattern."""
        return cls(
            tuple(entry for line in lines if not line.lstrip().startswith("#") and (entry := read_entry(line.strip())))
        )

    def hit(self, text: str, language: str | None = None) -> str | None:
        """The line of the first entry that the text matches, or None.

        Without a language, entries of all languages apply.
        """
        if not self.entries:
            return None
        normalized = normalize(text)
        for entry in self.entries:
            if (
                (not language or entry.language in (None, language))
                and entry.needle in normalized
                and entry.pattern.search(normalized)
            ):
                return entry.written
        return None


def read_entry(line: str) -> BlockEntry | None:
    """Parse a line; None if it is empty or has only invisible characters.

    Raises SettingsError for a pattern that is invalid or matches an empty text.
    """
    match = ENTRY.fullmatch(line)
    if match is None:
        return None
    body = match["body"]
    if len(body) > 2 and body[0] == body[-1] == "/":
        try:
            pattern = re.compile(body[1:-1], re.IGNORECASE)
        except re.error as error:
            raise SettingsError(f"{line!r} in the block list is no regular expression: {error}.") from error
        if pattern.search(""):
            raise SettingsError(f"{line!r} in the block list matches every joke, even an empty one.")
        return BlockEntry(line, match["language"], "", pattern)
    word = normalize(body)
    if not word:
        return None
    before = rf"(?<!{LETTER})" if re.match(LETTER, word[0]) else ""
    after = rf"(?!{LETTER})" if re.match(LETTER, word[-1]) else ""
    return BlockEntry(line, match["language"], word, re.compile(before + re.escape(word) + after))
