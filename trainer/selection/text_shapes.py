"""The shapes of texts: how much two texts are the same joke with other words in it.

Two texts are compared by their pairs of neighbouring words. With another subject in it, a sentence of ten words keeps
most of its pairs.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
UNLIKE, ALIKE = 0.15, 0.5
"""Dice similarities of two texts' pairs of neighbouring words up to which they have different shapes, and from which
they have the same; linear between."""
RARE_SHAPE = 0.01
"""Added to a shape's share of the texts: users don't notice whether a shape comes once in 200 or in 400 jokes."""


def shape_similarity(texts: Sequence[tuple[str, ...]]) -> Floats:
    """How much two texts (n, n), given as words, have the same shape, 0…1. Equal texts are compared once."""
    rows = {words: row for row, words in enumerate(dict.fromkeys(texts))}
    pairs = [set(zip(["^", *words], [*words, "$"], strict=True)) for words in rows]
    found = Counter(chain.from_iterable(pairs))
    # A pair that comes in one text only is shared with no other.
    number = {pair: index for index, pair in enumerate(pair for pair, count in found.items() if count > 1)}
    columns = [[number[pair] for pair in text if pair in number] for text in pairs]
    has = np.zeros((len(pairs), len(number)), np.float32)
    has[np.repeat(np.arange(len(pairs)), [len(own) for own in columns]), [*chain.from_iterable(columns)]] = 1
    size = np.array([len(text) for text in pairs], np.float32)
    dice = 2 * (has @ has.T) / (size[:, None] + size)
    np.fill_diagonal(dice, 1)
    alike = np.clip((dice - UNLIKE) / (ALIKE - UNLIKE), 0, 1).astype(np.float64)
    place = np.array([rows[words] for words in texts])
    return alike[place[:, None], place]
