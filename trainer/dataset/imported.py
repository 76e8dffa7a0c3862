"""Replay of training rows of imported datasets beside users' jokes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from configs.blocklist import BlockList
from storage.learning.dataset_files import Row, read_dataset
from storage.learning.datasets import Dataset
from trainer.dataset.manifest import Entry
from trainer.selection.holdout_split import HoldoutSplit
from trainer.selection.near_duplicates import near_duplicate_pairs, unsigned


@dataclass(frozen=True)
class ImportedDataset:
    """Rows with their manifest entries, and the files of their pictures by name."""

    rows: list[tuple[Row, Entry]] = field(default_factory=list)
    pictures: dict[str, Path] = field(default_factory=dict)


def sample_imported_rows(
    known: Sequence[Dataset], folder: Path, split: HoldoutSplit, near_bits: int, count: int, blocked: BlockList
) -> ImportedDataset:
    """A random sample of at most `count` training rows of the imported datasets.

    Excluded are rows near to a held-out photo, repeated rows, and rows on the block list. The number of datasets is the
    seed. Raises DatasetError if an imported dataset is damaged.
    """
    if not count:
        return ImportedDataset()
    offered: dict[str, tuple[Row, Entry, Path]] = {}
    for dataset in known:
        if dataset.source == "oogiri" and (folder / dataset.name).is_dir():
            contents = read_dataset(folder / dataset.name)
            entries = {entry["id"]: entry for entry in contents.manifest["rows"]}
            for row in contents.train:
                if not blocked.hit(row["conversations"][1]["value"]):
                    offered.setdefault(row["id"], (row, entries[row["id"]], folder / dataset.name / row["image"]))
    free = is_far_from_holdout([entry["phash"] for _, entry, _ in offered.values()], split, near_bits)
    rows = [item for item, far in zip(offered.values(), free, strict=True) if far]
    positions = np.random.default_rng(len(known)).permutation(len(rows))[:count]
    picked = [rows[position] for position in sorted(positions.tolist())]
    return ImportedDataset(
        [(row, {**entry, "origin": "imported"}) for row, entry, _ in picked],
        {row["image"]: path for row, _, path in picked},
    )


def is_far_from_holdout(hashes: list[int], split: HoldoutSplit, near_bits: int) -> list[bool]:
    """For each signed perceptual hash, whether no held-out photo is near to it."""
    held_out = split.held_out_hashes()
    far = np.ones(len(hashes), bool)
    both = np.concatenate([unsigned(hashes), unsigned(held_out.tolist())])
    is_offered = np.arange(len(both)) < len(hashes)
    for left, right in near_duplicate_pairs(both, near_bits, is_offered):
        crossing = is_offered[left] != is_offered[right]
        far[np.minimum(left, right)[crossing]] = False
    return far.tolist()
