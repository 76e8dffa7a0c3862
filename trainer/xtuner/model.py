"""XTuner's InternVL with a faster computation of the loss.

It is built, saved and named as XTuner's own, so that XTuner's checkpoints, `--resume` and `convert_to_official` work.
The mathematics is the same.

    pixels    the frozen vision model processes each picture once; its features are cached (feature_cache.py)
    rows      concatenated without padding (packed_dataset.py, decoder.py)
    logits    only for answer tokens
    memory    activations are kept if they fit, else recomputed; a batch that still doesn't fit is split
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS
from torch.utils.checkpoint import checkpoint
from xtuner.model import InternVL_V1_5
from xtuner.registry import BUILDER

from trainer.xtuner.decoder import DecoderStack
from trainer.xtuner.feature_cache import FeatureStore, StoredFeatures
from trainer.xtuner.packed_dataset import to_pixels
from trainer.xtuner.plan import TrainingError

RESERVED_BYTES = 3 << 30
"""Bytes of GPU memory reserved for logits, temporary gradients and the allocator's overhead."""
KEEP_SHARE = 0.1
"""Maximum share of the GPU's memory that the unpacked bf16 weights of a language model may take."""
Batch = list[dict[str, Any]]


@MODELS.register_module()
@BUILDER.register_module()
class JokeModel(InternVL_V1_5):
    """InternVL2 of InternLM2 kind with an nf4 or bf16 language model, a LoRA on it and a trained projector.

    `features` is a FeatureStore's (folder, tokens a tile, size), `kept_pictures` a file with one SHA-256 a line of the
    pictures whose features may be cached. `recompute` is the setting; each batch is computed in `parts`.
    `float32` trains the projector in float32 too, because DeepSpeed needs trained parameters of one type. The other
    arguments are XTuner's.
    """

    def __init__(
        self,
        *arguments: Any,
        features: tuple[str, int, int],
        kept_pictures: str,
        recompute: str = "auto",
        parts: int = 1,
        seed: int = 0,
        float32: bool = False,
        **options: Any,
    ) -> None:
        # Each of mmengine's runners draws other random numbers before this.
        torch.manual_seed(seed)
        super().__init__(*arguments, **options)
        if float32:
            for parameter in self.parameters():
                if parameter.requires_grad:
                    parameter.data = parameter.data.float()
        self.data_preprocessor = BaseDataPreprocessor(non_blocking=True)
        self.model.language_model.base_model.model.model.gradient_checkpointing = False
        self.store = FeatureStore(Path(features[0]), *features[1:])
        self.may_keep = set(Path(kept_pictures).read_text(encoding="utf-8").split())
        self.recompute, self.seed, self.step, self.parts, self.recomputed = recompute, seed, 0, parts, 0
        self.keeper = ThreadPoolExecutor(1)
        self.fast: DecoderStack | None = None
        self.window: list[Batch] = []
        self.window_start = 0

    def train(self, mode: bool = True) -> "JokeModel":
        """Set training mode, except for the frozen vision model, whose features must not change between epochs."""
        super().train(mode)
        self.model.vision_model.eval()
        return self

    def decoder(self) -> DecoderStack:
        """The decoder, created at the first use, when the model is on its device."""
        if self.fast is None:
            cuda = self.model.mlp1[1].weight.is_cuda
            linear = (module for module in self.model.language_model.modules() if hasattr(module, "base_layer"))
            unpacked = 2 * sum(module.in_features * module.out_features for module in linear)
            keep_unpacked = not cuda or unpacked < KEEP_SHARE * torch.cuda.get_device_properties(0).total_memory
            self.fast = DecoderStack(
                self.model.language_model, torch.bfloat16 if cuda else torch.float32, keep_unpacked
            )
        return self.fast

    def forward(self, data: dict[str, Any], data_samples: Any = None, mode: str = "loss") -> dict[str, torch.Tensor]:
        """The loss of a batch under torchrun; a process of its own uses `train_step` instead.

        For a batch in pieces no activations are kept: the backward pass recomputes one piece after the other, so that
        memory holds one piece.
        """
        pieces = self.pieces(data["rows"])
        if len(pieces) == 1:
            ((rows, _, seed),) = pieces
            return {"loss": self.loss(rows, seed)}
        losses = [
            checkpoint(self.loss, piece, seed, use_reentrant=False, preserve_rng_state=False) * share
            for piece, share, seed in pieces
        ]
        return {"loss": torch.stack(losses).sum()}

    def pieces(self, rows: Batch) -> list[tuple[Batch, float, int]]:
        """A batch in `parts` pieces, each with its share of the answer tokens and its own seed."""
        answers = [len(row["ids"]) - row["answer"] for row in rows]
        groups = [range(len(rows))[first :: self.parts] for first in range(min(self.parts, len(rows)))]
        return [
            (
                [rows[index] for index in piece],
                sum(answers[index] for index in piece) / sum(answers),
                self.step * 64 + number,
            )
            for number, piece in enumerate(groups)
        ]

    def loss(self, rows: Batch, step: int) -> torch.Tensor:
        """Mean over the batch's answer tokens of cross-entropy × the row's weight. `step` seeds the dropout.

        The sum is divided by the number of tokens, not by their weights, so that the weights have the same effect in a
        batch of one row.
        """
        device = self.model.mlp1[1].weight.device
        lengths = [len(row["ids"]) for row in rows]
        ids = torch.cat([row["ids"] for row in rows]).to(device)
        starts = [sum(lengths[:index]) for index in range(len(rows))]
        # The position before each predicted token.
        positions = torch.cat(
            [
                torch.arange(start + row["answer"] - 1, start + length - 1)
                for row, start, length in zip(rows, starts, lengths, strict=True)
            ]
        ).to(device, non_blocking=True)
        with torch.autocast(device.type, enabled=False):
            decoder = self.decoder()
            hidden = self.with_pictures(decoder.embeddings(ids).float(), rows, starts)
            logits = decoder.logits(
                hidden, lengths, positions, self.seed + step, self.layers_to_recompute(sum(lengths))
            )
            losses = F.cross_entropy(logits, ids[positions + 1], reduction="none")
            return (losses * token_weights(rows, losses)).mean()

    def with_pictures(self, hidden: torch.Tensor, rows: Batch, starts: list[int]) -> torch.Tensor:
        """The embeddings, with every picture's projected features at its context tokens."""
        seen = [(row, start) for row, start in zip(rows, starts, strict=True) if row["tiles"]]
        if not seen:
            # Several processes need a gradient of the projector at every step.
            return hidden + 0 * sum(parameter.sum() for parameter in self.model.mlp1.parameters())
        features = [self.picture_features(row) for row, _ in seen]
        positions = torch.cat(
            [
                torch.arange(start + row["first"], start + row["first"] + len(feature))
                for (row, start), feature in zip(seen, features, strict=True)
            ]
        )
        projected = self.model.mlp1(torch.cat(features).to(self.model.mlp1[1].weight.dtype))
        return hidden.index_copy(0, positions.to(hidden.device, non_blocking=True), projected.to(hidden.dtype))

    @torch.no_grad()
    def picture_features(self, row: dict[str, Any]) -> torch.Tensor:
        """A picture's features (tiles × tokens, size): cached, or computed by the vision model and then cached.

        One picture is computed at a time, so that the numbers don't depend on the rest of the batch.
        """
        picture = row["picture"]
        device = self.model.mlp1[1].weight.device
        if isinstance(picture, StoredFeatures):
            picture = picture.load()
        if picture.dtype != torch.uint8:
            return picture.to(device, non_blocking=True)
        vision = self.model.vision_model
        pixels = to_pixels(picture.to(device), vision.embeddings.patch_embedding.weight.dtype)
        last = self.model.select_layer
        seen = vision(pixels, output_hidden_states=last != -1, return_dict=True)
        patches = (seen.last_hidden_state if last == -1 else seen.hidden_states[last])[:, 1:]
        side = round(patches.shape[1] ** 0.5)
        folded = self.model.pixel_shuffle(
            patches.reshape(len(patches), side, side, -1), scale_factor=self.model.downsample_ratio
        )
        features = folded.reshape(-1, folded.shape[-1])
        if row["sha256"] in self.may_keep:
            self.keeper.submit(self.store.save, row["sha256"], features.cpu(), Path(row["path"]))
        return features

    def layers_to_recompute(self, tokens: int) -> int:
        """The number of layers that must recompute their activations so that a batch of so many tokens fits."""
        decoder, every = self.decoder(), len(self.decoder().layers)
        if self.recompute != "auto" or not torch.cuda.is_available():
            return every if self.recompute == "always" else self.recomputed
        free = (
            torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated() - RESERVED_BYTES
        )
        short = every - free // max(1, tokens * decoder.bytes_per_token())
        self.recomputed = max(self.recomputed, min(every, max(0, short)))
        return self.recomputed

    def train_step(self, data: Any, optim_wrapper: OptimWrapper) -> dict[str, torch.Tensor]:
        """Train one step.

        If memory runs out, the batches since the last update are computed again with less memory: first without kept
        activations, then in halves, quarters and so on. The gradient is the same.
        """
        rows = self.data_preprocessor(data, True)["data"]["rows"]
        if not self.window:
            self.window_start = optim_wrapper.inner_count
        self.window.append(rows)
        try:
            loss = self.accumulate(rows, optim_wrapper)
        except torch.OutOfMemoryError:
            loss = self.retry_with_less_memory(optim_wrapper)
        if optim_wrapper.should_update():
            self.window.clear()
        return {"loss": loss}

    def accumulate(self, rows: Batch, optim_wrapper: OptimWrapper) -> torch.Tensor:
        """Compute loss and gradient of a batch, piece by piece, and update if due. Returns the batch's loss."""
        total, pieces = torch.zeros((), device=self.model.mlp1[1].weight.device), self.pieces(rows)
        for number, (piece, share, seed) in enumerate(pieces):
            with optim_wrapper.optim_context(self):
                loss = self.loss(piece, seed) * share
            total += loss.detach()
            if number < len(pieces) - 1:
                optim_wrapper.scale_loss(loss).backward()
            else:
                optim_wrapper.update_params(loss)
        return total

    def retry_with_less_memory(self, optim_wrapper: OptimWrapper) -> torch.Tensor:
        """Compute the batches since the last update with less memory. Raises TrainingError if a row doesn't fit."""
        while self.reduce_memory():
            optim_wrapper.zero_grad()
            optim_wrapper._inner_count = self.window_start
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            try:
                return [self.accumulate(rows, optim_wrapper) for rows in self.window][-1]
            except torch.OutOfMemoryError:
                continue
        raise TrainingError(
            "memory",
            "The GPU's memory is too small for one row, even without kept activations. "
            "Lower training.max_length or engine.max_tiles, or use a larger GPU.",
        )

    def reduce_memory(self) -> bool:
        """Change to the next mode with less memory; False if there is none."""
        every = len(self.decoder().layers)
        if self.recompute == "auto" and self.recomputed < every:
            self.recomputed = every
        elif self.parts < max(len(rows) for rows in self.window):
            self.parts *= 2
        else:
            return False
        return True


def token_weights(rows: Batch, like: torch.Tensor) -> torch.Tensor:
    """The weight of each answer token of a batch: that of its row, on `like`'s device."""
    weights = torch.tensor([row["weight"] for row in rows], dtype=like.dtype)
    answers = torch.tensor([len(row["ids"]) - row["answer"] for row in rows])
    return weights.repeat_interleave(answers).to(like.device, non_blocking=True)
