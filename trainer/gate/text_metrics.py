"""Measures of texts: language, broken texts, variety, similarity to each other, copying.

A text is split into units: Chinese characters, and lower-case words of other scripts, without punctuation and emoji.
"""

import math
import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from functools import cached_property, lru_cache
from itertools import chain

import numpy as np

from configs.control_tokens import CONTROL_TOKEN

UNIT = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff]|[^\W\d_\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff]+|\d+")
CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
LETTER = re.compile(r"[^\W\d_]")
RUN = re.compile(r"(.)\1{7,}", re.DOTALL)
"""One character at least eight times in a row, for example the "!!!!" of a model that computes NaN."""
LONG_RUN = re.compile(r"(.)\1{23,}", re.DOTALL)
"""The same for letters, emoji and dots, which people repeat: "nooooooo", "哈哈哈哈哈哈", "😂😂😂"."""
LOOP = re.compile(r"(.{2,40}?)\1{3,}", re.DOTALL)
LAUGHTER = re.compile(r"(?i:[ha\W]{2,}|[he\W]{2,}|[hi\W]{2,}|[ho\W]{2,}|[lo\W]{2,}|[kw235\W]+)|[哈呵嘿嘻啊呜噗笑死\W]+")
"""Syllables that people repeat: "haha", "hehe", "lol", "kkk", "www", "233", "哈哈"."""
SPEECHLESS = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff]|…|\\.\\.\\.|。。。")
"""An emoji or an ellipsis: an answer, although it has no letter."""
NUMERIC_LAUGHTER = re.compile(r"(?:23{2,23}|6{3,24}|5{3,24}|8{3,24})\W*")
"""What Chinese users type for laughter, applause, sobbing and farewell."""
MAX_LAUGHTER = 60
"""Characters of repeated syllables that are still laughter."""
UNKNOWN = "\U0010ffff"
TEXTS_KEPT = 1 << 14
"""Texts whose units are remembered: all replies of a gate several times."""
MIN_UNITS = 4
"""Minimum number of units of a text to measure copying."""
MAX_RUNS = 1_000_000
"""Maximum number of runs of units, twice over, that are kept in memory to be searched for."""
MAX_SEARCHED_TEXTS = 120
"""Maximum number of training texts that are searched for in the others."""


@lru_cache(TEXTS_KEPT)
def units(text: str) -> tuple[str, ...]:
    return tuple(UNIT.findall(text.lower()))


def main_language(text: str) -> str:
    """zh if at least half of the letters are Chinese, else en."""
    chinese = len(CHINESE.findall(text))
    return "zh" if chinese and 2 * chinese >= len(LETTER.findall(text)) else "en"


def in_language(text: str, language: str) -> bool:
    """Whether most of a reply is in its language, so that it may quote another. Only Chinese is distinguished.

    Laughter and texts without a letter are in any language.
    """
    if not LETTER.search(text) or LAUGHTER.fullmatch(text):
        return True
    return (main_language(text) == "zh") == (language == "zh")


@lru_cache(TEXTS_KEPT)
def is_broken(text: str) -> bool:
    """Whether a reply is not a sentence: no letter, a control token, one character repeated, or mostly a loop.

    Laughter ("哈哈哈哈", "😂😂😂"), drawn-out words ("nooooo") and an ellipsis ("……") are not broken.
    """
    if CONTROL_TOKEN.search(text):
        return True
    if not LETTER.search(text):
        return bool(LONG_RUN.search(text)) or not (SPEECHLESS.search(text) or NUMERIC_LAUGHTER.fullmatch(text.strip()))
    if any(is_broken_run(match.group()) for match in RUN.finditer(text)):
        return True
    if not may_be_mostly_a_loop(text):
        return False
    loops = (match.group() for match in LOOP.finditer(text))
    return 2 * max((len(loop) for loop in loops if not is_laughter(loop)), default=0) > len(text)


def may_be_mostly_a_loop(text: str) -> bool:
    """Whether a loop may be more than half of the text: LOOP is slow where there is none.

    A loop of L of n characters that is repeated four times or more has at most L/4 different pairs of neighbours, and
    the rest of the text at most n − L: together less than 5/8 n.
    """
    return 8 * len(set(zip(text, text[1:], strict=False))) < 5 * len(text)


def is_broken_run(run: str) -> bool:
    """Whether one character that is repeated eight times or more is no laughter, drawn-out word or ellipsis."""
    if LETTER.search(run) and not CHINESE.search(run) or SPEECHLESS.search(run):
        return bool(LONG_RUN.search(run))
    return not is_laughter(run)


def is_laughter(loop: str) -> bool:
    return len(loop) <= MAX_LAUGHTER and bool(LETTER.search(loop) or loop.isalnum()) and bool(LAUGHTER.fullmatch(loop))


def pairs(texts: Iterable[Sequence[str]]) -> Counter[tuple[str, str]]:
    """Counts of pairs of neighbouring units, of texts that are split into units."""
    return Counter(chain.from_iterable(zip(words, words[1:], strict=False) for words in texts))


def distinct(counts: Counter[tuple[str, str]]) -> float:
    """Distinct-2 (Li et al., arXiv 1510.03055): distinct pairs of neighbouring units over all pairs; 0 without any."""
    return len(counts) / total if (total := counts.total()) else 0.0


def entropy(counts: Counter[tuple[str, str]]) -> float:
    """Ent-2 (Zhang et al., arXiv 1809.05972): entropy of the distribution of pairs of neighbouring units, nats."""
    total = counts.total()
    return -sum(count / total * math.log(count / total) for count in counts.values()) if total else 0.0


class ReferenceTexts:
    """Texts that are searched for word-for-word copies. Each has a key, and the texts of a key can be excluded.

    A text that was searched for once is not searched for again: models repeat themselves.
    """

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        self.texts = texts
        self.letters: dict[str, str] = {}
        self.keys = [key for key, _ in texts]
        self.coded = [self._learn(text) for _, text in texts]
        self.found: dict[tuple[str, str | None], float | None] = {}

    @cached_property
    def runs(self) -> Container[str]:
        """All runs of units of the corpus. A set is faster where there are few enough of them."""
        if sum(len(text) ** 2 for text in self.coded) > MAX_RUNS:
            return "\0".join(self.coded)
        return {
            text[start:end]
            for text in set(self.coded)
            for start in range(len(text))
            for end in range(start + 1, len(text) + 1)
        }

    @cached_property
    def repetition(self) -> float:
        """The mean share of a text that stands in the texts of other keys, over at most MAX_SEARCHED_TEXTS of them."""
        places = np.random.default_rng(0).permutation(len(self.texts))[:MAX_SEARCHED_TEXTS]
        return float(np.mean(copied_shares(self, [self.texts[place] for place in places.tolist()]) or [0.0]))

    def _learn(self, text: str) -> str:
        """Encode a text of the corpus with one character for each unit."""
        for unit in units(text):
            if unit not in self.letters:
                self.letters[unit] = chr(len(self.letters) + 1 + 0x800 * (len(self.letters) > 0xD7F0))
        return "".join(map(self.letters.__getitem__, units(text)))

    def _encode(self, text: str) -> str:
        """Encode any text; units that the corpus hasn't are UNKNOWN."""
        return "".join([self.letters.get(unit, UNKNOWN) for unit in units(text)])

    def copied(self, text: str, without: str | None = None) -> float | None:
        """The longest run of units that occurs in one text of the corpus, over all units; None for a short text.

        Texts of the key `without` are excluded.
        """
        if (text, without) not in self.found:
            self.found[text, without] = self._search(text, without)
        return self.found[text, without]

    def _search(self, text: str, without: str | None) -> float | None:
        coded = self._encode(text)
        if len(coded) < MIN_UNITS:
            return None
        where: Container[str] = (
            self.runs
            if without is None
            else "\0".join(other for key, other in zip(self.keys, self.coded, strict=True) if key != without)
        )
        longest = 0
        for start in range(len(coded)):
            while start + longest < len(coded) and coded[start : start + longest + 1] in where:
                longest += 1
        return longest / len(coded)


def copied_shares(corpus: ReferenceTexts, texts: Sequence[tuple[str | None, str]]) -> list[float]:
    """`copied` of every (key to exclude, text) that is long enough."""
    return [share for key, text in texts if (share := corpus.copied(text, key)) is not None]
