"""Finds near-duplicate pictures by their 64-bit hashes, without comparing all pairs."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]
BITS = 64
EQUAL_BANDS = 3
"""Number of equal bands: for 100,000 hashes and 8 to 10 bits, 2 compares too many pairs and 4 sorts too often."""
MAX_PAIRS = 1_000_000


def unsigned(hashes: list[int]) -> Hashes:
    """Convert signed 64-bit hashes, as stored by SQLite, to unsigned ones."""
    return np.array(hashes, np.int64).astype(np.uint64)


def near_duplicate_pairs(
    hashes: Hashes, bits: int, fresh: NDArray[np.bool_] | None = None
) -> Iterator[tuple[Indices, Indices]]:
    """Index pairs (two arrays at a time) whose hashes differ in at most `bits` bits, at least one of them `fresh`.

    A pair may occur more than once; hashes must be distinct. Multi-index hashing (Norouzi, Punjani and Fleet, CVPR
    2012): of `bits` + EQUAL_BANDS bands, two near hashes are equal in at least EQUAL_BANDS, so only hashes with so many
    equal bands are compared.
    """
    fresh = np.ones(len(hashes), bool) if fresh is None else fresh
    for bands in combinations(_bands(hashes, bits + EQUAL_BANDS), EQUAL_BANDS):
        key = np.bitwise_or.reduce(
            [band << np.uint64(number * BITS // EQUAL_BANDS) for number, band in enumerate(bands)]
        )
        order = np.argsort(key, kind="stable")
        for left, right in _equal_neighbours(key[order]):
            left, right = order[left], order[right]
            near = (fresh[left] | fresh[right]) & (np.bitwise_count(hashes[left] ^ hashes[right]) <= bits)
            if near.any():
                yield left[near], right[near]


def _bands(hashes: Hashes, count: int) -> list[Hashes]:
    """The hashes' bits cut into bands of nearly equal width."""
    edges = np.linspace(0, BITS, count + 1).astype(int)
    return [
        hashes >> np.uint64(low) & np.uint64((1 << int(high - low)) - 1)
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    ]


def _equal_neighbours(key: Hashes) -> Iterator[tuple[Indices, Indices]]:
    """Index pairs with equal keys in a sorted array, about MAX_PAIRS at a time."""
    left: Indices = np.arange(len(key))
    distance, parts, size = 1, [], 0
    while True:
        left = left[: np.searchsorted(left, len(key) - distance)]
        left = left[key[left] == key[left + distance]]
        size += len(left)
        if len(left):
            parts.append((left, left + distance))
        if parts and (not len(left) or size > MAX_PAIRS):
            yield np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
            parts, size = [], 0
        if not len(left):
            return
        distance += 1


class DisjointSets:
    """Union-find over n nodes; `label` maps each node to the smallest node of its component."""

    def __init__(self, size: int) -> None:
        self.label: Indices = np.arange(size)

    def unite(self, left: Indices, right: Indices) -> None:
        """Connect pairs of nodes."""
        while len(left):
            a, b = self.label[left], self.label[right]
            apart = a != b
            left, right, a, b = left[apart], right[apart], a[apart], b[apart]
            np.minimum.at(self.label, np.maximum(a, b), np.minimum(a, b))
            self._flatten()

    def _flatten(self) -> None:
        while (up := self.label[self.label] != self.label).any():
            self.label[up] = self.label[self.label[up]]
