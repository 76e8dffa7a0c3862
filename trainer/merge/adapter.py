"""Reads an adapter: the LoRA pairs of the linear layers and the projector's whole weights.

Names are XTuner's: `model.language_model.base_model.model.LAYER.lora_A.default.weight` belongs to the base model's
`language_model.LAYER.weight`, and `model.mlp1.0.weight` to `mlp1.0.weight`.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.merge.bf16 import round_to_bf16
from trainer.merge.checkpoint_io import MergeError, StoredTensor, read_checkpoint, read_safetensors

WEIGHTS, ABOUT, PROMPTS = "adapter.safetensors", "adapter.json", "prompts.toml"
MAX_WEIGHT = 2.0**100
"""Limit of absolute values; the rounding works below it."""
LORA = re.compile(
    r"^model\.(?P<part>language_model|vision_model)\.base_model\.model\.(?P<layer>.+)\.lora_(?P<side>[AB])"
    r"(?:\.default)?\.weight$"
)


@dataclass
class LoraPair:
    """LoRA's two matrices of one layer: A (rank, columns) and B (rows, rank)."""

    a: StoredTensor
    b: StoredTensor

    @property
    def rank(self) -> int:
        return self.a.values.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        return self.b.values.shape[0], self.a.values.shape[1]


def finite_rows(tensor: StoredTensor, rows: slice = slice(None)) -> NDArray[np.float32]:
    """Rows of a tensor as a float32 copy. Raises MergeError for values that are not finite or too large."""
    values = StoredTensor(tensor.dtype, tensor.values[rows]).float32()
    if not np.abs(values).max(initial=0) < MAX_WEIGHT:
        raise MergeError("The adapter has values that are not finite: the run that made it went wrong.")
    return values


def rounded_rows(tensor: StoredTensor, rows: slice = slice(None)) -> NDArray[np.float32]:
    """Rows of a tensor as float32, rounded to bf16 values. Raises MergeError as `finite_rows` does."""
    values = finite_rows(tensor, rows)
    return round_to_bf16(values, np.empty_like(values))


@dataclass(frozen=True)
class LoraAdapter:
    """A trained adapter. `pairs` and `whole` are keyed by the names of the base model's parameters."""

    directory: Path
    alpha: float
    pairs: dict[str, LoraPair]
    whole: dict[str, StoredTensor]
    about: dict[str, Any] = field(default_factory=dict)

    def names(self) -> set[str]:
        return set(self.pairs) | set(self.whole)

    def scaling(self, name: str) -> float:
        return self.alpha / self.pairs[name].rank


def read_adapter(path: Path, alpha: float | None = None) -> LoraAdapter:
    """Read an adapter. Raises MergeError if it is missing or damaged.

    `path` is a run's directory (adapter.safetensors, adapter.json), a safetensors file, or one of XTuner's `.pth`
    files. `alpha` is LoRA's, needed without an adapter.json.
    """
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise MergeError(
            f"There is no adapter at {file}. Give a directory that `jokebot train` finished, or a .pth file."
        )
    about = read_about(file.with_name(ABOUT))
    alpha = alpha if alpha is not None else about.get("lora_alpha")
    if alpha is None:
        raise MergeError(f"{file} has no {ABOUT} beside it, so give the LoRA's alpha: --alpha 256 is the tutorial's.")
    tensors = read_safetensors(file) if file.suffix == ".safetensors" else read_checkpoint(file)
    pairs, whole = split_tensors(tensors)
    if not pairs:
        raise MergeError(f"{file} holds no LoRA weights.")
    return LoraAdapter(file.parent, float(alpha), pairs, whole, about)


def read_about(path: Path) -> dict[str, Any]:
    """The contents of adapter.json; {} if there is none. Raises MergeError if it can't be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise MergeError(f"{path} can't be read: {error}.") from error


def split_tensors(tensors: dict[str, StoredTensor]) -> tuple[dict[str, LoraPair], dict[str, StoredTensor]]:
    """Split an adapter's tensors into LoRA pairs and whole tensors, by the names of the base's parameters.

    Raises MergeError for another kind of LoRA.
    """
    sides: dict[str, dict[str, StoredTensor]] = {}
    whole: dict[str, StoredTensor] = {}
    for name, tensor in tensors.items():
        if match := LORA.match(name):
            sides.setdefault(f"{match['part']}.{match['layer']}.weight", {})[match["side"]] = tensor
        elif "lora_" in name:
            raise MergeError(f"{name} in the adapter is a kind of LoRA weight that is not known here.")
        else:
            whole[name.removeprefix("model.")] = tensor
    lonely = [name for name, pair in sides.items() if len(pair) != 2]
    if lonely:
        raise MergeError(f"The adapter has only one half of {lonely[0]}.")
    return {name: LoraPair(pair["A"], pair["B"]) for name, pair in sides.items()}, whole
