"""InternVL2 in LMDeploy's engine process for 8-bit photos: the GPU makes the tiles right before the vision model.

`launcher.py` registers these classes in LMDeploy's module map, in place of its own. Requests without our grid (another
preprocess, or none) are passed to LMDeploy's own code. `prefix_cache.py` says why a picture may come in two parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lmdeploy.pytorch.engine.input_process import PreprocessInputResult
from lmdeploy.pytorch.models.internvl import InternVLChatModel, InternVLInputProcessor
from lmdeploy.pytorch.multimodal.data_type import MultiModalData

from bot.engine.lmdeploy.gpu_preprocess import GRID, normalise_values, photo_tiles
from bot.engine.lmdeploy.prefix_cache import PIXEL_HASH, TailCache, cache_block_tokens

IS_TAIL = "jokebot_tail"
"""Key of the mark of a picture's second part."""


class PictureTail(MultiModalData):
    """A picture's second part. Its pixels stay in the host's memory: a step rarely needs them.

    LMDeploy moves all data of a step to the GPU. For a photo in the cache that was a copy of 3.7 MB, for tokens that
    `TailCache` has.
    """

    def to_device(self, device: str, non_blocking: bool = False) -> "PictureTail":
        """The same object."""
        return self


class PhotoInputProcessor(InternVLInputProcessor):
    """Reads a request's images; 8-bit pixels stay 8-bit until they are on the GPU."""

    def preprocess_input(
        self, input_ids: list[int], input_multimodals: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> PreprocessInputResult:
        """The request in the form of LMDeploy's scheduler."""
        if not input_multimodals or GRID not in input_multimodals[0]:
            return super().preprocess_input(input_ids, input_multimodals, **kwargs)
        parts = [part for image in input_multimodals for part in image_parts(image, cache_block_tokens())]
        return PreprocessInputResult(input_ids=input_ids, input_multimodals={"image": parts})


def image_parts(image: dict[str, Any], block: int) -> list[MultiModalData]:
    """A picture's tokens as one span, or as two that meet at the last boundary of cache blocks of `block` tokens."""
    start, end = image["offset"], image["offset"] + int(image["image_tokens"])
    split = end - end % block if block else end
    spans = [(start, split), (split, end)] if start < split < end else [(start, end)]
    pixels, key = torch.from_numpy(image["pixel_values"]), image[PIXEL_HASH]
    return [
        (PictureTail if first > start else MultiModalData)(
            data=pixels,
            start=first,
            end=last,
            meta={
                "image_token_id": image["image_token_id"],
                GRID: image[GRID],
                PIXEL_HASH: key,
                IS_TAIL: first > start,
            },
            content_hash=f"{key}{'-tail' if first > start else ''}",
        )
        for first, last in spans
    ]


@dataclass(frozen=True)
class ImagePart:
    """One part of a picture in a step: its number of tokens, and of tiles that the vision model sees for it."""

    key: str
    is_tail: bool
    tokens: int
    tiles: int


class PhotoInternVLChatModel(InternVLChatModel):
    """InternVL2 whose images may be 8-bit photos, and may come in two parts."""

    def __init__(
        self, config: Any, ctx_mgr: Any, dtype: torch.dtype | None = None, device: torch.device | None = None
    ) -> None:
        super().__init__(config, ctx_mgr, dtype=dtype, device=device)
        self.input_processor = PhotoInputProcessor(config, dtype)
        self.tails = TailCache()

    def prepare_inputs_for_generation(
        self, past_key_values: Any, inputs_embeds: torch.Tensor | None = None, context: Any = None
    ) -> dict[str, Any]:
        """As LMDeploy's own, with the images' tiles made first and, for `forward`, the list of their parts."""
        found = [image for part in context.input_multimodals or [] for image in part.get("image", [])]
        images = [image for image in found if GRID in (image.meta or {})]
        heads = {image.meta[PIXEL_HASH] for image in images if not image.meta[IS_TAIL]}
        pixels = [image.data for image in images]
        for image in images:
            is_known = image.meta[IS_TAIL] and (image.meta[PIXEL_HASH] in heads or image.meta[PIXEL_HASH] in self.tails)
            image.data = self._no_tiles() if is_known else self._tiles(image.data, image.meta[GRID])
            if image.meta[IS_TAIL]:
                # A tail's tokens come from the last tile, unless they are known or computed with this step's head.
                image.data = image.data[-1:]
        parts = [
            ImagePart(image.meta[PIXEL_HASH], image.meta[IS_TAIL], image.end - image.start, len(image.data))
            for image in images
        ]
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(past_key_values, inputs_embeds, context)
        for image, data in zip(images, pixels, strict=True):
            image.data = data
        return inputs | {"image_parts": parts} if parts and len(parts) == len(found) else inputs

    def forward(self, input_ids: torch.Tensor, *arguments: Any, **inputs: Any) -> Any:
        """As LMDeploy's own; pictures in parts get the embeddings of their parts."""
        parts = inputs.pop("image_parts", None)
        if parts and inputs.get("inputs_embeds") is None and not self.flash_mode:
            embeddings = self.language_model.get_input_embeddings()(input_ids)
            mask = inputs["image_mask"][..., None]
            embeddings.masked_scatter_(mask, self._image_tokens(parts, inputs["pixel_values"]))
            inputs["inputs_embeds"] = embeddings
        return super().forward(input_ids, *arguments, **inputs)

    def _image_tokens(self, parts: Sequence[ImagePart], tiles: torch.Tensor) -> torch.Tensor:
        """Embeddings (tokens, hidden size) of the parts, in their order, from `tiles` (tiles, 3, side, side)."""
        features = list(self.extract_feature(tiles)) if len(tiles) else []
        computed, begin = [], 0
        for part in parts:
            computed.append(torch.cat(features[begin : begin + part.tiles]) if part.tiles else None)
            begin += part.tiles
        for part, tokens in zip(parts, computed, strict=True):
            if tokens is not None and len(tokens) > part.tokens and not part.is_tail:
                self.tails.add(part.key, tokens[part.tokens :])
        rows = []
        for part, tokens in zip(parts, computed, strict=True):
            known = self.tails.get(part.key) if tokens is None else tokens
            rows.append(known[-part.tokens :] if part.is_tail else known[: part.tokens])
        return torch.cat(rows)

    def _no_tiles(self) -> torch.Tensor:
        weight, side = self.vision_model.embeddings.patch_embedding.weight, self.config.vision_config.image_size
        return torch.empty((0, 3, side, side), dtype=weight.dtype, device=weight.device)

    def _tiles(self, pixels: torch.Tensor, grid: tuple[int, int, bool]) -> torch.Tensor:
        """Normalised (tiles, 3, side, side) of the pixels that `vision_model.py` sent; finished tiles are unchanged."""
        if pixels.dtype != torch.uint8:
            return pixels
        columns, rows, thumbnail = grid
        weight = self.vision_model.embeddings.patch_embedding.weight
        pixels, is_cut = pixels.to(weight.device), pixels.dim() == 4
        values = (
            pixels.permute(0, 3, 1, 2)
            if is_cut
            else photo_tiles(pixels, (columns, rows), self.config.vision_config.image_size, thumbnail=thumbnail)
        )
        return normalise_values(values, weight.dtype)
