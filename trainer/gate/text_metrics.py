"""Measures of texts: language, broken texts, variety, similarity to each other, copying.

A text is split into units: Chinese characters, and lower-case words of other scripts, without punctuation and emoji.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from configs.control_tokens import CONTROL_TOKEN

UNIT = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff]|[^\W\d_\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff]+|\d+")
CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
LETTER = re.compile(r"[^\W\d_]")
RUN = re.compile(r"(.)\1{7,}", re.DOTALL)
"""One character at least eight times in a row, for example the "!!!!" of a model that computes NaN."""
LOOP = re.compile(r"(.{2,40}?)\1{3,}", re.DOTALL)
MIN_UNITS = 4
"""Minimum number of units of a text to measure copying."""


def units(text: str) -> list[str]:
    return UNIT.findall(text.lower())


def main_language(text: str) -> str:
    """zh if at least half of the letters are Chinese, else en."""
    chinese = len(CHINESE.findall(text))
    return "zh" if chinese and 2 * chinese >= len(LETTER.findall(text)) else "en"


def in_language(text: str, language: str) -> bool:
    """Whether most of a reply is in its language, so that it may quote another. Only Chinese is distinguished."""
    return (main_language(text) == "zh") == (language == "zh")


def is_broken(text: str) -> bool:
    """Whether a reply is not a sentence: no letter, a control token, one character repeated, or mostly a loop."""
    if not LETTER.search(text) or CONTROL_TOKEN.search(text):
        return True
    longest = max((len(match.group()) for pattern in (RUN, LOOP) for match in pattern.finditer(text)), default=0)
    return bool(RUN.search(text)) or 2 * longest > len(text)


def pairs(texts: Sequence[str]) -> Counter[tuple[str, str]]:
    """Counts of pairs of neighbouring units."""
    return Counter(pair for text in texts for words in [units(text)] for pair in zip(words, words[1:], strict=False))


def distinct(texts: Sequence[str]) -> float:
    """Distinct-2 (Li et al., arXiv 1510.03055): distinct pairs of neighbouring units over all pairs; 0 without any."""
    counts = pairs(texts)
    return len(counts) / total if (total := counts.total()) else 0.0


def entropy(texts: Sequence[str]) -> float:
    """Ent-2 (Zhang et al., arXiv 1809.05972): entropy of the distribution of pairs of neighbouring units, nats."""
    counts = pairs(texts)
    total = counts.total()
    return -sum(count / total * math.log(count / total) for count in counts.values()) if total else 0.0


def self_overlap(texts: Sequence[str]) -> float:
    """Mean ROUGE-L (F1, Lin 2004) over all pairs of texts: 1 if all are equal."""
    read = [units(text) for text in texts]
    scores = [
        2 * common_length(first, second) / (len(first) + len(second))
        for first, second in combinations(read, 2)
        if first or second
    ]
    return sum(scores) / len(scores) if scores else 0.0


def common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, bit-parallel (Hyyrö, 2004)."""
    masks: dict[str, int] = {}
    for position, unit in enumerate(first):
        masks[unit] = masks.get(unit, 0) | 1 << position
    whole = (1 << len(first)) - 1
    state = whole
    for unit in second:
        matched = state & masks.get(unit, 0)
        state = ((state + matched) | (state - matched)) & whole
    return len(first) - state.bit_count()


class ReferenceTexts:
    """Texts that are searched for word-for-word copies. Each has a key, and the texts of a key can be excluded."""

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        self.letters: dict[str, str] = {}
        self.keys = [key for key, _ in texts]
        self.coded = [self.code(text) for _, text in texts]
        self.everything = "\0".join(self.coded)

    def code(self, text: str) -> str:
        """Encode a text with one character for each unit."""
        return "".join(
            self.letters.setdefault(unit, chr(len(self.letters) + 1 + 0x800 * (len(self.letters) > 0xD7F0)))
            for unit in units(text)
        )

    def copied(self, text: str, without: str | None = None) -> float | None:
        """The longest run of units that occurs in one text of the corpus, over all units; None for a short text.

        Texts of the key `without` are excluded.
        """
        coded = self.code(text)
        if len(coded) < MIN_UNITS:
            return None
        where = (
            self.everything
            if without is None
            else "\0".join(other for key, other in zip(self.keys, self.coded, strict=True) if key != without)
        )
        longest = 0
        for start in range(len(coded)):
            while start + longest < len(coded) and coded[start : start + longest + 1] in where:
                longest += 1
        return longest / len(coded)


def mean_copied(corpus: ReferenceTexts, texts: Sequence[tuple[str | None, str]]) -> float:
    """Mean of `copied` over (key to exclude, text); 0 if no text is long enough."""
    shares = [share for key, text in texts if (share := corpus.copied(text, key)) is not None]
    return sum(shares) / len(shares) if shares else 0.0
