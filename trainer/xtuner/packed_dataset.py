"""The rows as JokeModel needs them: token ids, start of the answer, and the picture as cached features or tiles.

Rows are not padded: a batch is a list, and the model concatenates its rows.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS, DATASETS, FUNCTIONS
from PIL import Image
from torch.utils.data import Dataset, Sampler
from transformers import AutoTokenizer
from xtuner.registry import BUILDER

from configs.chat_templates import chat_template
from configs.tiling import MEAN, STD, cut_tiles
from trainer.xtuner.feature_cache import FeatureStore
from trainer.xtuner.plan import TrainingError
from trainer.xtuner.rows import TrainingRow, load_rows


@DATASETS.register_module()
@BUILDER.register_module()
class PackedDataset(Dataset):
    """The rows of the file `rows` from `save_rows`, with their pictures in `directory`.

    `features` is a FeatureStore's (folder, tokens a tile, size), `template` the chat template's name. An item has: ids
    (int64), answer (index of the first answer token), weight (in the loss), first (index of the first picture token),
    tiles, sha256 and path of the picture's file, and picture: None, StoredFeatures, or uint8 pixels (tiles, 448, 448,
    3). Raises TrainingError for a row longer than `max_length` tokens.
    """

    def __init__(
        self,
        model_path: str,
        directory: str,
        rows: str,
        features: tuple[str, int, int],
        max_tiles: int,
        max_length: int,
        template: str,
    ) -> None:
        self.directory, self.max_tiles = Path(directory), max_tiles
        self.store = FeatureStore(Path(features[0]), *features[1:])
        self.rows = load_rows(Path(rows))
        self.template = chat_template(template)
        tokenizer = AutoTokenizer.from_pretrained(model_path, trust_remote_code=True, use_fast=False)
        self.context = tokenizer.convert_tokens_to_ids(self.template.context)
        self.encoded = [self.encode(tokenizer, row) for row in self.rows]
        self.lengths = [
            len(question) + len(answer) + max(0, row.tiles * self.store.tokens - 1)
            for row, (question, answer) in zip(self.rows, self.encoded, strict=True)
        ]
        longest = max(range(len(self.rows)), key=self.lengths.__getitem__)
        if self.lengths[longest] > max_length:
            raise TrainingError(
                "data",
                f"Row {self.rows[longest].id} has {self.lengths[longest]} tokens; training.max_length "
                f"allows {max_length}. Its answer would be cut off.",
            )

    def encode(self, tokenizer: Any, row: TrainingRow) -> tuple[list[int], list[int]]:
        """Question and answer as ids; the picture is one context token here, and `__getitem__` repeats it."""
        prompt = self.template.render(row.question, min(row.tiles, 1))
        return (
            tokenizer.encode(prompt, add_special_tokens=False),
            tokenizer.encode(row.answer + self.template.end, add_special_tokens=False),
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row, (question, answer) = self.rows[index], self.encoded[index]
        first = question.index(self.context) if row.tiles else 0
        if row.tiles:
            question = question[:first] + [self.context] * (row.tiles * self.store.tokens) + question[first + 1 :]
        return {
            "ids": torch.tensor(question + answer),
            "answer": len(question),
            "weight": row.weight,
            "first": first,
            "tiles": row.tiles,
            "sha256": row.sha256,
            "path": str(self.directory / row.picture),
            "picture": self.picture(row),
        }

    def picture(self, row: TrainingRow) -> Any:
        if not row.tiles:
            return None
        return self.store.find(row.sha256, row.tiles) or read_tiles(self.directory / row.picture, self.max_tiles, row)


def read_tiles(path: Path, max_tiles: int, row: TrainingRow) -> torch.Tensor:
    """A picture's tiles, uint8 (tiles, 448, 448, 3). Raises TrainingError if the picture was removed or changed."""
    try:
        with Image.open(path) as picture:
            tiles = cut_tiles(picture.convert("RGB"), max_tiles)
    except (OSError, ValueError, SyntaxError) as error:
        raise TrainingError("data", f"The picture of row {row.id}, {path}, can't be read any more: {error}.") from error
    if len(tiles) != row.tiles:
        raise TrainingError("data", f"The picture of row {row.id}, {path}, was changed during the run.")
    return torch.from_numpy(np.stack([np.asarray(tile) for tile in tiles]))


@FUNCTIONS.register_module()
def as_list(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Collate rows to a batch for mmengine, without stacking them."""
    return {"data": {"rows": rows}, "data_samples": None}


@DATA_SAMPLERS.register_module()
class EndlessSampler(Sampler):
    """Rows in random order, endless epochs, split between processes within each batch.

    The order depends only on the seed, so a resumed run begins at this process's `start`-th item without reading
    earlier pictures. An epoch is filled up to whole batches with its first rows, as XTuner does.
    """

    def __init__(self, dataset: Dataset, batch_size: int, seed: int | None = None) -> None:
        self.rows, self.batch, self.seed, self.start = len(dataset), batch_size, seed or 0, 0
        self.rank, self.processes = get_dist_info()

    def __len__(self) -> int:
        """Items of this process in one epoch."""
        return -(-self.rows // (self.batch * self.processes)) * self.batch

    def __iter__(self) -> Iterator[int]:
        epoch, offset = divmod(self.start, len(self))
        while True:
            yield from self.epoch(epoch)[offset:]
            epoch, offset = epoch + 1, 0

    def epoch(self, number: int) -> list[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        order = torch.randperm(self.rows, generator=generator)
        filled = order.repeat(-(-len(self) * self.processes // self.rows))[: len(self) * self.processes]
        return filled.view(-1, self.processes, self.batch)[:, self.rank].reshape(-1).tolist()


def to_pixels(tiles: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Convert uint8 (tiles, 448, 448, 3) to normalised (tiles, 3, 448, 448), as XTuner's transform does."""
    mean, std = (torch.tensor(values, device=tiles.device).view(3, 1, 1) for values in (MEAN, STD))
    return tiles.permute(0, 3, 1, 2).to(torch.float32).div(255).sub_(mean).div_(std).to(dtype)
