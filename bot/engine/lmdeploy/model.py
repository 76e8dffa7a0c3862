"""InternVL2 in LMDeploy's engine process, taking 8-bit photos: it makes the tiles on the GPU right before the vision model.

LMDeploy builds this class in place of its own where `launcher.py` has named it in LMDeploy's module map. Requests without
our grid (another preprocess, or none) pass through unchanged.
"""
from typing import Any

import torch
from lmdeploy.pytorch.engine.input_process import PreprocessInputResult
from lmdeploy.pytorch.models.internvl import InternVLChatModel, InternVLInputProcessor
from lmdeploy.pytorch.multimodal.data_type import MultiModalData

from bot.engine.lmdeploy.pixels import normalised, photo_tiles

GRID = "jokebot_grid"


class PhotoInputProcessor(InternVLInputProcessor):
    """Takes a request's pictures apart: 8-bit pixels stay so until they are on the GPU."""

    def preprocess_input(self, input_ids: list[int], input_multimodals: list[dict[str, Any]] | None = None,
                         **kwargs: Any) -> PreprocessInputResult:
        """The request as LMDeploy's scheduler keeps it."""
        if not input_multimodals or GRID not in input_multimodals[0]:
            return super().preprocess_input(input_ids, input_multimodals, **kwargs)
        pictures = [self._picture(one) for one in input_multimodals]
        return PreprocessInputResult(input_ids=input_ids, input_multimodals={"image": pictures})

    @staticmethod
    def _picture(one: dict[str, Any]) -> MultiModalData:
        start = one["offset"]
        return MultiModalData(data=torch.from_numpy(one["pixel_values"]), start=start, end=start + int(one["image_tokens"]),
                              meta={"image_token_id": one["image_token_id"], GRID: one[GRID]})


class PhotoInternVLChatModel(InternVLChatModel):
    """InternVL2 whose pictures may come as 8-bit photos."""

    def __init__(self, config: Any, ctx_mgr: Any, dtype: torch.dtype | None = None, device: torch.device | None = None) -> None:
        super().__init__(config, ctx_mgr, dtype=dtype, device=device)
        self.input_processor = PhotoInputProcessor(config, dtype)

    def prepare_inputs_for_generation(self, past_key_values: Any, inputs_embeds: torch.Tensor | None = None,
                                      context: Any = None) -> dict[str, Any]:
        """As LMDeploy's own, with the pictures' tiles made first."""
        for pictures in context.input_multimodals or []:
            for picture in pictures.get("image", []):
                if GRID in (picture.meta or {}):
                    picture.data = self._tiles(picture.data, picture.meta[GRID])
        return super().prepare_inputs_for_generation(past_key_values, inputs_embeds, context)

    def _tiles(self, pixels: torch.Tensor, grid: tuple[int, int, bool]) -> torch.Tensor:
        """(tiles, 3, side, side), normalised, of what `vision.py` sent; tiles that are made already stay."""
        if pixels.dtype != torch.uint8:
            return pixels
        columns, rows, thumbnail = grid
        cut = pixels.dim() == 4
        values = pixels.permute(0, 3, 1, 2) if cut else photo_tiles(
            pixels, (columns, rows), self.config.vision_config.image_size, thumbnail=thumbnail)
        return normalised(values, self.vision_model.embeddings.patch_embedding.weight.dtype)
