"""The split of photos into training and held-out ones, with near-duplicates on one side.

A photo's side is decided once and stored; it never changes. Photos that are not near to a placed photo form a new
group, whose side follows from the hash of its smallest SHA-256, the same on every machine, and from the number of
photos held out so far: an evaluation needs a number of photos, not a share, so a large chat holds out less. A photo
that is near to a placed one joins its group. Photos that are near to both sides go to neither: in training they would
leak into the measurement, held out they would be measured after training on similar photos.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.database import Database
from storage.learning import splits
from trainer.selection.near_duplicates import DisjointSets, near_duplicate_pairs, unsigned


@dataclass(frozen=True)
class HoldoutSplit:
    """Photos with a side, by ascending id; `sides` are indices into storage.learning.splits.SIDES."""

    photo_ids: NDArray[np.int64]
    hashes: NDArray[np.int64]
    group_ids: NDArray[np.int64]
    sides: NDArray[np.int64]

    def find(self, photo_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Group and side of each photo; -1 for a photo without a side."""
        if not len(self.photo_ids):
            return np.full(len(photo_ids), -1), np.full(len(photo_ids), -1)
        index = np.minimum(np.searchsorted(self.photo_ids, photo_ids), len(self.photo_ids) - 1)
        known = self.photo_ids[index] == photo_ids
        return np.where(known, self.group_ids[index], -1), np.where(known, self.sides[index], -1)

    def held_out_hashes(self) -> NDArray[np.int64]:
        """Signed perceptual hashes of the held-out photos."""
        return self.hashes[self.sides == splits.SIDES.index("holdout")]


LATER_SHARE = 0.2
"""Share of `share` that is held out of new photos once `enough` are.

It is not 0, because what users send changes and old photos are deleted.
"""


async def update_split(database: Database, *, share: float, near_bits: int, enough: int | None = None) -> HoldoutSplit:
    """Decide the side of every photo without one, and return all photos.

    `share` is the held-out share of new groups, a fifth of it once `enough` photos are held out; hashes that differ in
    at most `near_bits` bits are near.
    """
    new = await splits.list_unplaced_photos(database)
    if new:
        old = await splits.all_placed_photos(database)
        groups, joining = decide_sides(new, old, share=share, near_bits=near_bits, enough=enough)
        await splits.place_photos(database, groups, joining)
    placed = await splits.all_placed_photos(database)
    return HoldoutSplit(*(placed[:, column] for column in range(4)))


def decide_sides(
    new: Sequence[tuple[int, int, str]],
    old: NDArray[np.int64],
    *,
    share: float,
    near_bits: int,
    enough: int | None = None,
) -> tuple[list[tuple[str, list[int]]], list[tuple[int, int]]]:
    """Decide the sides of new photos (id, phash, sha256).

    `old` are the rows of `storage.learning.splits.all_placed_photos`. Returns new groups as (side, photo ids) and
    joining photos as (group id, photo id).
    """
    hashes, node = np.unique(unsigned([photo[1] for photo in new]), return_inverse=True)
    labels, touched = cluster(hashes, unsigned(old[:, 1].tolist()), near_bits)
    members: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for photo, index in zip(new, node.tolist(), strict=True):
        members[int(labels[index])].append(photo)
    groups, joining = [], []
    held_out = int((old[:, 3] == splits.SIDES.index("holdout")).sum())
    for label, photos in sorted(members.items(), key=lambda item: item[1][0][0]):
        near = touched.get(label, set())
        sides = {int(old[row, 3]) for row in near}
        ids = [photo[0] for photo in photos]
        if not near:
            rate = share if enough is None or held_out < enough else share * LATER_SHARE
            side = first_side(min(photo[2] for photo in photos), rate)
            held_out += len(ids) if side == "holdout" else 0
            groups.append((side, ids))
        elif len(sides) == 1:
            group = min(int(old[row, 2]) for row in near)
            joining += [(group, photo) for photo in ids]
        else:
            groups.append(("neither", ids))
    return groups, joining


def cluster(
    new: NDArray[np.uint64], old: NDArray[np.uint64], bits: int
) -> tuple[NDArray[np.int64], dict[int, set[int]]]:
    """Clusters of near new hashes, and for each cluster the rows of near old hashes."""
    clusters = DisjointSets(len(new))
    touches: list[NDArray[np.int64]] = [np.empty((0, 2), np.int64)]
    fresh = np.arange(len(new) + len(old)) < len(new)
    for left, right in near_duplicate_pairs(np.concatenate([new, old]), bits, fresh):
        left, right = np.minimum(left, right), np.maximum(left, right)
        inside = right < len(new)
        clusters.unite(left[inside], right[inside])
        touches.append(np.unique(np.stack([left[~inside], right[~inside] - len(new)], axis=1), axis=0))
    touched: dict[int, set[int]] = defaultdict(set)
    for node, row in np.unique(np.concatenate(touches), axis=0).tolist():
        touched[int(clusters.label[node])].add(row)
    return clusters.label, touched


def first_side(sha256: str, share: float) -> str:
    """The side of a new group by its smallest SHA-256."""
    number = int(hashlib.sha256(f"jokebot split {sha256}".encode()).hexdigest()[:16], 16)
    return "holdout" if number < share * 2**64 else "train"
