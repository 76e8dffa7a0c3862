"""Features of jokes' texts, as sparse rows: hashed n-grams, opening and closing, shape, and pairs of words.

Hashing needs no vocabulary, so a scorer needs only the weights (Weinberger et al., "Feature hashing for large scale
multitask learning", ICML 2009; the sign makes collisions unbiased). Each group of a text has unit length, so a group's
prior variance means the same for short and long texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.judge.tokens import HashArray, combine, hash_tokens, is_cjk, is_emoji, is_word, tokenize

IndexArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

GROUP_BITS = {"words": 14, "phrases": 16, "frame": 13, "pairs": 17}
"""Feature groups and the logarithm of their columns."""
GROUPS = tuple(GROUP_BITS)
OFFSETS = dict(zip(GROUPS, np.cumsum([0, *(1 << bits for bits in GROUP_BITS.values())]).tolist(), strict=False))
COLUMNS = sum(1 << bits for bits in GROUP_BITS.values())
MAX_UNITS = 24
"""Units of a text of which pairs are made: those with the smallest hashes, so that texts agree on the choice."""
SIGNATURE_COLUMNS = 64
"""Columns of the short form of a text's words and frame, for effects of single users and chats."""


def sum_at(index: IndexArray, values: NDArray[Any], length: int) -> FloatArray:
    """Sums (length) of the values (n) that have the same index (n)."""
    return np.bincount(index, values, length)  # type: ignore[return-value]  # the stub ignores the weights


@dataclass(frozen=True)
class SparseRows:
    """A sparse matrix as triples: row, column, value (each n), rows ascending within a group; `count` rows."""

    count: int
    row: IndexArray
    column: IndexArray
    value: FloatArray

    def dot(self, weights: NDArray[np.floating]) -> FloatArray:
        """The product (count) with a vector of weights (COLUMNS)."""
        return sum_at(self.row, self.value * weights[self.column], self.count)


@dataclass(frozen=True)
class TokenTable:
    """All tokens of several texts: the hash, text number and kind of each; `starts` and `ends` by text."""

    texts: tuple[list[str], ...]
    hashes: HashArray
    text: IndexArray
    word: NDArray[np.bool_]
    cjk: NDArray[np.bool_]
    emoji: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "TokenTable":
        """Tokenize texts."""
        split = tuple(map(tokenize, texts))
        flat = [token for tokens in split for token in tokens]
        known = {token: (is_word(token), is_cjk(token), is_emoji(token)) for token in set(flat)}
        kinds = np.array([known[token] for token in flat], bool).reshape(-1, 3)
        text = np.repeat(np.arange(len(split)), [len(tokens) for tokens in split])
        return cls(split, hash_tokens(flat), text, kinds[:, 0], kinds[:, 1], kinds[:, 2])

    def neighbours(self, distance: int) -> IndexArray:
        """Positions of tokens that are followed by one of the same text at this distance."""
        here = np.arange(max(len(self.text) - distance, 0))
        return here[self.text[here] == self.text[here + distance]]


Hashed = tuple[IndexArray, HashArray]
"""Text numbers and feature hashes, each (n)."""


def text_features(texts: Sequence[str]) -> SparseRows:
    """The features of texts, one row each."""
    table = TokenTable.of(texts)
    units = unit_hashes(table)
    groups = {
        "words": (table.text[table.word | table.emoji], table.hashes[table.word | table.emoji]),
        "phrases": _phrases(table),
        "frame": _frame(table),
        "pairs": _pairs(*units),
    }
    parts = [_to_rows(name, len(texts), *groups[name]) for name in GROUPS]
    return SparseRows(
        len(texts),
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.column for part in parts]),
        np.concatenate([part.value for part in parts]),
    )


def unit_hashes(table: TokenTable) -> Hashed:
    """The distinct units of texts: words of Latin script, pairs of neighbouring characters of Chinese, and emoji."""
    single = (table.word & ~table.cjk) | table.emoji
    first = table.neighbours(1)
    first = first[table.cjk[first] & table.cjk[first + 1]]
    return _distinct(
        np.concatenate([table.text[single], table.text[first]]),
        np.concatenate([table.hashes[single], combine(table.hashes[first], table.hashes[first + 1])]),
    )


def signatures(rows: SparseRows) -> FloatArray:
    """The short form (count, SIGNATURE_COLUMNS) of rows: words and frame, folded."""
    inside = np.zeros(len(rows.column), bool)
    for name in ("words", "frame"):
        start = OFFSETS[name]
        inside |= (rows.column >= start) & (rows.column < start + (1 << GROUP_BITS[name]))
    key = rows.row[inside] * SIGNATURE_COLUMNS + rows.column[inside] % SIGNATURE_COLUMNS
    length = rows.count * SIGNATURE_COLUMNS
    return np.bincount(key, rows.value[inside], length).reshape(rows.count, SIGNATURE_COLUMNS) / np.sqrt(2)


def _distinct(text: IndexArray, hashes: HashArray) -> Hashed:
    """Each text's distinct hashes, by text and hash."""
    order = np.lexsort((hashes, text))
    text, hashes = text[order], hashes[order]
    new = np.ones(len(text), bool)
    new[1:] = (text[1:] != text[:-1]) | (hashes[1:] != hashes[:-1])
    return text[new], hashes[new]


def _to_rows(name: str, count: int, text: IndexArray, hashes: HashArray) -> SparseRows:
    text, hashes = _distinct(text, hashes)
    mask = np.uint64((1 << GROUP_BITS[name]) - 1)
    column = OFFSETS[name] + ((hashes >> np.uint64(8)) & mask).astype(np.int64)
    sign = 2.0 * (hashes & np.uint64(1)).astype(np.float64) - 1.0
    length = np.sqrt(np.bincount(text, minlength=count))
    return SparseRows(count, text, column, sign / length[text])


def _phrases(table: TokenTable) -> Hashed:
    two, three = table.neighbours(1), table.neighbours(2)
    pairs = combine(table.hashes[two], table.hashes[two + 1])
    triples = combine(combine(table.hashes[three], table.hashes[three + 1]), table.hashes[three + 2])
    return np.concatenate([table.text[two], table.text[three]]), np.concatenate([pairs, triples])


def _frame(table: TokenTable) -> Hashed:
    """Opening and closing tokens, punctuation, length, emoji and the like."""
    texts: list[int] = []
    names: list[str] = []
    for number, tokens in enumerate(table.texts):
        found = _frame_names(tokens)
        texts += [number] * len(found)
        names += found
    return np.array(texts, np.int64), hash_tokens(names)


def _frame_names(tokens: list[str]) -> list[str]:
    marks = [token for token in tokens if not is_word(token)]
    emoji = [mark for mark in marks if is_emoji(mark)]
    opening = [f"opening {' '.join(tokens[:size])}" for size in (1, 2, 3) if len(tokens) >= size]
    closing = [f"closing {' '.join(tokens[-size:])}" for size in (1, 2, 3) if len(tokens) >= size]
    return [
        *opening,
        *closing,
        f"marks {''.join(marks[:8])}",
        f"length {round(2 * np.log2(1 + len(tokens)))}",
        f"emoji {min(len(emoji), 4)}",
        f"question {min(tokens.count('?'), 2)}",
        f"exclamation {min(tokens.count('!'), 3)}",
        f"dots {min(tokens.count('.'), 4)}",
        f"digits {any(token.isdigit() for token in tokens)}",
    ]


def _pairs(text: IndexArray, hashes: HashArray) -> Hashed:
    """Unordered pairs of a text's units, which are sorted by text and hash."""
    starts = np.searchsorted(text, text)
    few = np.arange(len(text)) - starts < MAX_UNITS
    text, hashes = text[few], hashes[few]
    texts: list[IndexArray] = [np.empty(0, np.int64)]
    found: list[HashArray] = [np.empty(0, np.uint64)]
    for distance in range(1, MAX_UNITS):
        here = np.arange(max(len(text) - distance, 0))
        here = here[text[here] == text[here + distance]]
        texts.append(text[here])
        found.append(combine(hashes[here], hashes[here + distance]))
    return np.concatenate(texts), np.concatenate(found)
