"""Keeps what the frozen vision model makes of a picture, so that it looks at each picture once and not at every epoch.

A file holds one picture's tiles as bf16 (tiles × 256, 4 × vision hidden size): what `extract_feature` has before the
projector, which is trained. Its name is the picture's SHA-256 and number of tiles, its folder the digest of the vision
model, which no run changes; so one look serves all further runs too. `storage.maintenance.erasure` removes a forgotten
photo's, by that name.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.merge.base_model import BaseCheckpoint
from trainer.xtuner.rows import TrainingRow

ENDING = ".bf16"
MAX_DISK_SHARE = 0.5
"""Of the disk's free room, how much may be taken."""


@dataclass(frozen=True)
class StoredFeatures:
    """One picture's features on disk: `shape` is (tokens, size). DataLoader's pinning thread turns it into a tensor."""

    path: str
    shape: tuple[int, int]

    def load(self) -> torch.Tensor:
        """The features, mapped from the file: nothing is read before it is used."""
        return torch.from_file(self.path, shared=False, size=self.shape[0] * self.shape[1], dtype=torch.bfloat16).view(
            self.shape
        )

    def pin_memory(self, *arguments: Any) -> torch.Tensor:
        """The features in page-locked memory, from where the GPU fetches them by itself."""
        room = torch.empty(2 * self.shape[0] * self.shape[1], dtype=torch.uint8, pin_memory=True)
        with Path(self.path).open("rb") as file:
            file.readinto(memoryview(room.numpy()))
        return room.view(torch.bfloat16).view(self.shape)


class FeatureStore:
    """The kept features of one vision model. `tokens` and `size` are those of one tile."""

    def __init__(self, folder: Path, tokens: int, size: int) -> None:
        self.folder, self.tokens, self.size = folder, tokens, size

    def path(self, sha256: str, tiles: int) -> Path:
        return self.folder / f"{sha256}-{tiles}{ENDING}"

    def find(self, sha256: str, tiles: int) -> StoredFeatures | None:
        """A picture's features, where they are kept whole."""
        path, shape = self.path(sha256, tiles), (tiles * self.tokens, self.size)
        try:
            whole = path.stat().st_size == 2 * shape[0] * shape[1]
        except OSError:
            return None
        return StoredFeatures(str(path), shape) if whole else None

    def save(self, sha256: str, features: torch.Tensor, picture: Path) -> None:
        """Keep a picture's features, (tiles × tokens, size). A full disk only means that they are made again.

        `picture` is its file: where that is gone, its photo was forgotten during the run, and nothing is kept.
        """
        path = self.path(sha256, features.shape[0] // self.tokens)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(memoryview(features.to("cpu", torch.bfloat16).contiguous().view(torch.uint8).numpy()))
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
        # Looked at last: whoever erases removes the picture first and what was kept of it afterwards.
        if not picture.exists():
            path.unlink(missing_ok=True)

    def make_room(self, rows: list[TrainingRow], limit: int) -> set[str]:
        """The pictures (SHA-256) whose features may be kept within `limit` bytes on disk, theirs and all others'
        together.

        Files of other pictures go first, the longest unused first; what this dataset finds is marked as used.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        needed_files = {self.path(row.sha256, row.tiles): row for row in rows if row.tiles}
        for path in needed_files:
            if path.exists():
                path.touch()
        here = sorted(self.folder.parent.rglob(f"*{ENDING}"), key=lambda path: path.stat().st_mtime)
        taken = sum(path.stat().st_size for path in here)
        limit = min(limit, taken + int(MAX_DISK_SHARE * shutil.disk_usage(self.folder).free))
        needed = sum(self.nbytes(row) for path, row in needed_files.items() if not path.exists())
        for path in here:
            if taken + needed > limit and path not in needed_files:
                taken -= path.stat().st_size
                path.unlink()
        allowed = set()
        for path, row in needed_files.items():
            if path.exists() or taken + self.nbytes(row) <= limit:
                taken += 0 if path.exists() else self.nbytes(row)
                allowed.add(row.sha256)
        return allowed

    def nbytes(self, row: TrainingRow) -> int:
        return 2 * row.tiles * self.tokens * self.size


def store_for(base: Path, folder: Path) -> FeatureStore:
    """The store of a base model's vision part. Reads its weights once, for their digest (0.3 s for InternVL2-2B)."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    vision = config["vision_config"]
    side = config["force_image_size"] // vision["patch_size"]
    fold = round(1 / config["downsample_ratio"])
    relevant = [
        vision,
        *(config.get(key) for key in ("select_layer", "downsample_ratio", "ps_version", "force_image_size")),
    ]
    digest = hashlib.sha256(json.dumps(relevant, sort_keys=True).encode())
    for file in BaseCheckpoint.open(base).files.values():
        for name, tensor in sorted(file.items()):
            if name.startswith("vision_model."):
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(tensor.values).reshape(-1).view(np.uint8).data)
    return FeatureStore(folder / digest.hexdigest()[:32], (side // fold) ** 2, vision["hidden_size"] * fold**2)
