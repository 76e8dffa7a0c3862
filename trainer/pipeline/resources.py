"""Whether there is disk and memory for a run, asked before hours are spent."""

import shutil
from pathlib import Path

from configs.errors import JokebotError
from configs.memory import free_memory
from configs.settings import RetrainSettings, TrainingSettings
from trainer.merge.base_model import BaseCheckpoint

FLOAT = 4
STATES = 3
"""A checkpoint holds each trained number and AdamW's two means of it."""


class InsufficientResources(JokebotError):
    """Too little disk or memory; the message says how much is needed."""


def trained_bytes(base: BaseCheckpoint, rank: int) -> int:
    """The size of an adapter, bytes: LoRA's two matrices of every linear layer of the language model, and the
    projector.
    """
    numbers = 0
    for tensors in base.files.values():
        for name, tensor in tensors.items():
            shape = tensor.values.shape
            if name.startswith("mlp1."):
                numbers += tensor.values.size
            elif name.startswith("language_model.") and len(shape) == 2 and "embedding" not in name:
                numbers += rank * sum(shape)
    return numbers * FLOAT


def disk_needed(base: BaseCheckpoint, training: TrainingSettings) -> int:
    """Bytes that a run writes: checkpoints, one more than is kept while the next is written, the adapter and the new
    model.
    """
    adapter = trained_bytes(base, training.lora_rank)
    return adapter * (1 + STATES * (training.keep_checkpoints + 1)) + base.nbytes


def check_disk(folder: Path, base: BaseCheckpoint, training: TrainingSettings, settings: RetrainSettings) -> None:
    """Raises InsufficientResources where `folder` can't take a run and keep the reserve."""
    needed, free = disk_needed(base, training) + int(settings.disk_reserve_gb * 1e9), shutil.disk_usage(folder).free
    if free < needed:
        raise InsufficientResources(
            f"A run needs {needed / 1e9:.1f} GB of disk in {folder}, the reserve included, and {free / 1e9:.1f} GB "
            "are free. "
            "Make room, or lower retrain.keep_models or training.keep_checkpoints.",
            code="no-disk",
            needed=f"{needed / 1e9:.1f}",
            free=f"{free / 1e9:.1f}",
        )


def check_memory(base: BaseCheckpoint, settings: RetrainSettings) -> None:
    """Raises InsufficientResources where the model's weights don't fit into memory with the reserve."""
    needed, free = base.nbytes + int(settings.memory_reserve_gb * 1e9), free_memory()
    if free is not None and free < needed:
        raise InsufficientResources(
            f"A run needs {needed / 1e9:.1f} GB of memory, the reserve included, and {free / 1e9:.1f} GB are free. "
            "End what else runs here, or lower retrain.memory_reserve_gb.",
            code="no-memory",
            needed=f"{needed / 1e9:.1f}",
            free=f"{free / 1e9:.1f}",
        )
