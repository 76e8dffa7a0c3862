"""Checks disk space and memory before a run."""

import shutil
from pathlib import Path

from configs.errors import JokebotError
from configs.memory import free_memory
from configs.settings import RetrainSettings, TrainingSettings
from trainer.merge.base_model import BaseCheckpoint

FLOAT = 4
STATES = 3
"""A checkpoint holds each trained number and AdamW's two moments of it."""


class InsufficientResources(JokebotError):
    """There is too little disk space or memory; the message has the amounts."""


def trained_bytes(base: BaseCheckpoint, rank: int) -> int:
    """The size of an adapter in bytes: a LoRA on every linear layer of the language model, and the projector."""
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
    """Bytes that a run writes: the kept checkpoints and the one being written, the adapter, and the new model."""
    adapter = trained_bytes(base, training.lora_rank)
    return adapter * (1 + STATES * (training.keep_checkpoints + 1)) + base.nbytes


def check_disk(folder: Path, base: BaseCheckpoint, training: TrainingSettings, settings: RetrainSettings) -> None:
    """Raises InsufficientResources if `folder` has too little space for a run and the reserve."""
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
    """Raises InsufficientResources if memory is too small for the model's weights and the reserve."""
    needed, free = base.nbytes + int(settings.memory_reserve_gb * 1e9), free_memory()
    if free is not None and free < needed:
        raise InsufficientResources(
            f"A run needs {needed / 1e9:.1f} GB of memory, the reserve included, and {free / 1e9:.1f} GB are free. "
            "End what else runs here, or lower retrain.memory_reserve_gb.",
            code="no-memory",
            needed=f"{needed / 1e9:.1f}",
            free=f"{free / 1e9:.1f}",
        )
