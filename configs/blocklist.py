"""The block list: words and patterns that no joke may hold, whoever wrote it and however it is spelt.

An entry is a word or phrase, or a regular expression between slashes; `zh: …` in front makes it count for jokes in that
language alone. Texts and words are compared after `normalised`, so that full-width letters, capitals and invisible
characters hide nothing. A word counts as a whole word where its script puts spaces between words, and anywhere where it
doesn't (Chinese, Japanese, Korean, Thai).
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
"""Scripts that put no spaces between words, or put endings right behind them."""
LETTER = rf"[^\W_{UNSPACED}]"
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Characters without a shape that Unicode doesn't class as format characters (Cf)."""


def normalised(text: str) -> str:
    """NFKC, without invisible characters, case folded, any white space as one space."""
    seen = "".join(character for character in text if not _is_invisible(character))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
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
    """One line of the list as it was `written`; `needle` stands in every text that `pattern` finds, and is quicker
    to look for.
    """

    written: str
    language: str | None
    needle: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class BlockList:
    """All entries; an empty list holds nothing back."""

    entries: tuple[BlockEntry, ...] = ()

    @classmethod
    def of(cls, settings: SafetySettings) -> "BlockList":
        """The settings' entries and the file's.

        Raises SettingsError for a file that can't be read or a pattern that is none.
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
        """Entries from lines; empty ones and those that begin with # say nothing. Raises SettingsError."""
        return cls(
            tuple(entry for line in lines if not line.lstrip().startswith("#") and (entry := read_entry(line.strip())))
        )

    def hit(self, text: str, language: str | None = None) -> str | None:
        """The first entry that a text in this language matches, as it was written; None for a text that may be told.

        Where the language is not known every entry counts.
        """
        if not self.entries:
            return None
        seen = normalised(text)
        for entry in self.entries:
            if (
                (not language or entry.language in (None, language))
                and entry.needle in seen
                and entry.pattern.search(seen)
            ):
                return entry.written
        return None


def read_entry(line: str) -> BlockEntry | None:
    """One line as an entry; None for one that is empty or wholly invisible.

    Raises SettingsError for a pattern that is none.
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
    word = normalised(body)
    if not word:
        return None
    before = rf"(?<!{LETTER})" if re.match(LETTER, word[0]) else ""
    after = rf"(?!{LETTER})" if re.match(LETTER, word[-1]) else ""
    return BlockEntry(line, match["language"], word, re.compile(before + re.escape(word) + after))
