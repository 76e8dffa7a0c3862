"""Measures of texts by themselves: language, brokenness, variety, likeness to each other, copying.

A text is read as units: Chinese characters, and words of other scripts in lower case; punctuation and emoji are none.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

UNIT = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff]|[^\W\d_\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff]+|\d+")
CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
LETTER = re.compile(r"[^\W\d_]")
RUN = re.compile(r"(.)\1{7,}", re.DOTALL)
"""One character eight times in a row: "!!!!" of a model that computes NaN, and its like."""
LOOP = re.compile(r"(.{2,40}?)\1{3,}", re.DOTALL)
MIN_UNITS = 4
"""Texts of fewer units say nothing about copying."""


def units(text: str) -> list[str]:
    return UNIT.findall(text.lower())


def main_language(text: str) -> str:
    """zh where at least as many letters are Chinese as not, else en."""
    chinese = len(CHINESE.findall(text))
    return "zh" if chinese and 2 * chinese >= len(LETTER.findall(text)) else "en"


def in_language(text: str, language: str) -> bool:
    """Whether a reply is in its language. What it quotes, a sign in the picture say, may be in another; languages
    other than Chinese are not told apart."""
    return (main_language(text) == "zh") == (language == "zh")


def is_broken(text: str) -> bool:
    """Whether a reply is no sentence at all: no letter, one character again and again, or a loop over half of it."""
    if not LETTER.search(text):
        return True
    longest = max((len(match.group()) for pattern in (RUN, LOOP) for match in pattern.finditer(text)), default=0)
    return bool(RUN.search(text)) or 2 * longest > len(text)


def pairs(texts: Sequence[str]) -> Counter[tuple[str, str]]:
    """How often each two neighbouring units occur."""
    return Counter(pair for text in texts for words in [units(text)] for pair in zip(words, words[1:], strict=False))


def distinct(texts: Sequence[str]) -> float:
    """Distinct-2 (Li et al., arXiv 1510.03055): different neighbouring units over all, 0 where there are none."""
    counts = pairs(texts)
    return len(counts) / total if (total := counts.total()) else 0.0


def entropy(texts: Sequence[str]) -> float:
    """Ent-2 (Zhang et al., arXiv 1809.05972): entropy of the distribution of neighbouring units, nats."""
    counts = pairs(texts)
    total = counts.total()
    return -sum(count / total * math.log(count / total) for count in counts.values()) if total else 0.0


def self_overlap(texts: Sequence[str]) -> float:
    """Mean ROUGE-L (F1, Lin 2004) over all pairs of texts: 1 where all say the same."""
    read = [units(text) for text in texts]
    scores = [
        2 * common_length(first, second) / (len(first) + len(second))
        for first, second in combinations(read, 2)
        if first or second
    ]
    return sum(scores) / len(scores) if scores else 0.0


def common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, bit by bit (Hyyrö, 2004)."""
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
    """Texts to be searched for word-for-word copies; each belongs to a key, whose texts can be left out."""

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        self.letters: dict[str, str] = {}
        self.keys = [key for key, _ in texts]
        self.coded = [self.code(text) for _, text in texts]
        self.everything = "\0".join(self.coded)

    def code(self, text: str) -> str:
        """A text with one character for each unit."""
        return "".join(
            self.letters.setdefault(unit, chr(len(self.letters) + 1 + 0x800 * (len(self.letters) > 0xD7F0)))
            for unit in units(text)
        )

    def copied(self, text: str, without: str | None = None) -> float | None:
        """The longest run of units that stands in one text of the corpus, over all its units; None for a short text.
        Texts of the key `without` don't count."""
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
    """Mean of `copied` over (key to leave out, text); 0 where no text is long enough."""
    shares = [share for key, text in texts if (share := corpus.copied(text, key)) is not None]
    return sum(shares) / len(shares) if shares else 0.0
