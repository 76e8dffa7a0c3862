"""Caches the frozen vision model's features of pictures on disk, for all epochs and runs.

A file holds the features of one picture's tiles as bf16 (tiles × 256, 4 × vision hidden size), the output of
`extract_feature` before the projector, which is trained. The file's name is the picture's SHA-256 and number of tiles,
its folder the digest of the vision model, which no run changes. `storage.maintenance.erasure` removes the files of a
forgotten photo by that name.
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
"""Maximum share of the disk's free space that the cache may take."""


@dataclass(frozen=True)
class StoredFeatures:
    """A picture's features on disk; `shape` is (tokens, size). DataLoader's pinning thread converts it to a tensor."""

    path: str
    shape: tuple[int, int]

    def load(self) -> torch.Tensor:
        """The features, mapped from the file."""
        return torch.from_file(self.path, shared=False, size=self.shape[0] * self.shape[1], dtype=torch.bfloat16).view(
            self.shape
        )

    def pin_memory(self, *arguments: Any) -> torch.Tensor:
        """The features in page-locked memory, for asynchronous copies to the GPU."""
        room = torch.empty(2 * self.shape[0] * self.shape[1], dtype=torch.uint8, pin_memory=True)
        with Path(self.path).open("rb") as file:
            file.readinto(memoryview(room.numpy()))
        return room.view(torch.bfloat16).view(self.shape)


class FeatureStore:
    """The cached features of one vision model. `tokens` and `size` are those of one tile."""

    def __init__(self, folder: Path, tokens: int, size: int) -> None:
        self.folder, self.tokens, self.size = folder, tokens, size

    def path(self, sha256: str, tiles: int) -> Path:
        return self.folder / f"{sha256}-{tiles}{ENDING}"

    def find(self, sha256: str, tiles: int) -> StoredFeatures | None:
        """A picture's cached features, or None if the file is missing or incomplete."""
        path, shape = self.path(sha256, tiles), (tiles * self.tokens, self.size)
        try:
            whole = path.stat().st_size == 2 * shape[0] * shape[1]
        except OSError:
            return None
        return StoredFeatures(str(path), shape) if whole else None

    def save(self, sha256: str, features: torch.Tensor, picture: Path) -> None:
        """Store a picture's features (tiles × tokens, size). An OSError, for example of a full disk, is ignored.

        If the file `picture` is missing, its photo was erased during the run, and nothing is stored.
        """
        path = self.path(sha256, features.shape[0] // self.tokens)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(memoryview(features.to("cpu", torch.bfloat16).contiguous().view(torch.uint8).numpy()))
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
        # Checked last, because an erasure removes the picture before its features.
        if not picture.exists():
            path.unlink(missing_ok=True)

    def make_room(self, rows: list[TrainingRow], limit: int) -> set[str]:
        """The pictures (SHA-256) whose features may be stored within `limit` bytes of the whole cache.

        Files of other pictures are removed if necessary, least recently used first; files of this dataset are marked as
        used.
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
    """The store of a base's vision model. Reads its weights for their digest (0.3 s for InternVL2-2B)."""
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
