"""Recognises a text's language by its script, and finds near-duplicate texts."""

import math
import unicodedata
from collections import defaultdict

MIN_OVERLAP = 0.8
"""Minimum Jaccard overlap of the pairs of neighbouring characters of near-duplicate texts."""


def script(character: str) -> str:
    """'han', 'kana', 'latin', the first word of another letter's Unicode name, or '' for other characters."""
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "").split(" ")[0].lower()
    return {"cjk": "han", "hiragana": "kana", "katakana": "kana", "katakana-hiragana": "kana"}.get(name, name)


def is_in_language(text: str, language: str) -> bool:
    """Whether a text's script fits `cn`, `en` or `jp`; a few letters of other scripts (names, "OK") are allowed."""
    counts: dict[str, int] = defaultdict(int)
    for character in unicodedata.normalize("NFKC", text):
        counts[script(character)] += 1
    letters = sum(counts.values()) - counts[""]
    if not letters:
        return False
    han, kana, latin = counts["han"], counts["kana"], counts["latin"]
    if language == "cn":
        return kana == 0 and han >= 0.4 * letters
    if language == "jp":
        return han + kana >= 0.4 * letters and (kana > 0 or han <= 8)
    return latin >= 0.9 * letters


def normalize(text: str) -> str:
    """A text without case, width, spaces and punctuation."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in text if unicodedata.category(character)[0] in "LNS")


class TextFilter:
    """Collects texts without near-duplicates.

    Prefix filtering (Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", WWW 2007): sets with a Jaccard
    overlap of t share an element among the first |s| − ⌈t·|s|⌉ + 1 in any fixed order, so only those are indexed.
    """

    def __init__(self) -> None:
        self._exact: set[str] = set()
        self._index: dict[str, list[frozenset[str]]] = defaultdict(list)

    def add(self, text: str) -> str | None:
        """Add a text and return None, or return the reason why it is rejected."""
        plain = normalize(text)
        if not plain:
            return "its text is only punctuation"
        if plain in self._exact:
            return "its text is there already"
        pairs = frozenset(plain[start : start + 2] for start in range(max(len(plain) - 1, 1)))
        prefix = sorted(pairs)[: len(pairs) - math.ceil(MIN_OVERLAP * len(pairs)) + 1]
        if any(
            len(pairs & other) >= MIN_OVERLAP * len(pairs | other) for pair in prefix for other in self._index[pair]
        ):
            return "its text is nearly there already"
        self._exact.add(plain)
        for pair in prefix:
            self._index[pair].append(pairs)
        return None
