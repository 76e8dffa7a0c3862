"""The index finds exactly the near pairs that comparing all with all finds."""

import numpy as np
import pytest

from trainer.selection.near_duplicates import DisjointSets, near_duplicate_pairs, unsigned


@pytest.fixture
def hashes():
    random = np.random.default_rng(5)
    scattered = random.integers(0, 2**64, 800, dtype=np.uint64)
    near = scattered[:300].copy()
    for place in range(300):
        for bit in random.choice(64, random.integers(1, 11), replace=False):
            near[place] ^= np.uint64(1) << np.uint64(bit)
    dense = random.integers(0, 2**10, 60, dtype=np.uint64)
    return np.unique(np.concatenate([scattered, near, dense]))


@pytest.mark.parametrize("bits", [0, 1, 4, 6, 8, 12])
def test_exactly_the_near_pairs_are_found(hashes, bits):
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None])
    expected = {tuple(pair) for pair in np.argwhere(np.triu(apart <= bits, 1)).tolist()}
    found = {
        (min(pair), max(pair))
        for left, right in near_duplicate_pairs(hashes, bits)
        for pair in zip(left.tolist(), right.tolist(), strict=True)
    }
    assert found == expected


def test_pairs_of_old_hashes_are_passed_over(hashes):
    fresh = np.arange(len(hashes)) % 7 == 0
    assert all((fresh[left] | fresh[right]).all() for left, right in near_duplicate_pairs(hashes, 8, fresh))


def test_clusters_take_the_smallest_member_as_label():
    clusters = DisjointSets(8)
    clusters.unite(np.array([5, 3, 6, 6]), np.array([3, 1, 7, 7]))
    clusters.unite(np.array([7, 1]), np.array([2, 1]))
    assert clusters.label.tolist() == [0, 1, 2, 1, 4, 1, 2, 2]


def test_signed_hashes_keep_their_bits():
    assert unsigned([-1, 0, -(2**63)]).tolist() == [2**64 - 1, 0, 2**63]
