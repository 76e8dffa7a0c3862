"""InternVL2 in LMDeploy's engine process for 8-bit photos: the GPU makes the tiles right before the vision model.

`launcher.py` registers these classes in LMDeploy's module map, in place of its own. Requests without our grid (another
preprocess, or none) are passed to LMDeploy's own code.
"""

from typing import Any

import torch
from lmdeploy.pytorch.engine.input_process import PreprocessInputResult
from lmdeploy.pytorch.models.internvl import InternVLChatModel, InternVLInputProcessor
from lmdeploy.pytorch.multimodal.data_type import MultiModalData

from bot.engine.lmdeploy.gpu_preprocess import normalise_values, photo_tiles

GRID = "jokebot_grid"


class PhotoInputProcessor(InternVLInputProcessor):
    """Reads a request's images; 8-bit pixels stay 8-bit until they are on the GPU."""

    def preprocess_input(
        self, input_ids: list[int], input_multimodals: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> PreprocessInputResult:
        """The request in the form of LMDeploy's scheduler."""
        if not input_multimodals or GRID not in input_multimodals[0]:
            return super().preprocess_input(input_ids, input_multimodals, **kwargs)
        images = [self._image_data(image) for image in input_multimodals]
        return PreprocessInputResult(input_ids=input_ids, input_multimodals={"image": images})

    @staticmethod
    def _image_data(image: dict[str, Any]) -> MultiModalData:
        start = image["offset"]
        return MultiModalData(
            data=torch.from_numpy(image["pixel_values"]),
            start=start,
            end=start + int(image["image_tokens"]),
            meta={"image_token_id": image["image_token_id"], GRID: image[GRID]},
        )


class PhotoInternVLChatModel(InternVLChatModel):
    """InternVL2 whose images may be 8-bit photos."""

    def __init__(
        self, config: Any, ctx_mgr: Any, dtype: torch.dtype | None = None, device: torch.device | None = None
    ) -> None:
        super().__init__(config, ctx_mgr, dtype=dtype, device=device)
        self.input_processor = PhotoInputProcessor(config, dtype)

    def prepare_inputs_for_generation(
        self, past_key_values: Any, inputs_embeds: torch.Tensor | None = None, context: Any = None
    ) -> dict[str, Any]:
        """As LMDeploy's own, with the images' tiles made first."""
        for multimodals in context.input_multimodals or []:
            for image in multimodals.get("image", []):
                if GRID in (image.meta or {}):
                    image.data = self._tiles(image.data, image.meta[GRID])
        return super().prepare_inputs_for_generation(past_key_values, inputs_embeds, context)

    def _tiles(self, pixels: torch.Tensor, grid: tuple[int, int, bool]) -> torch.Tensor:
        """Normalised (tiles, 3, side, side) of the pixels that `vision_model.py` sent; finished tiles are unchanged."""
        if pixels.dtype != torch.uint8:
            return pixels
        columns, rows, thumbnail = grid
        is_cut = pixels.dim() == 4
        values = (
            pixels.permute(0, 3, 1, 2)
            if is_cut
            else photo_tiles(pixels, (columns, rows), self.config.vision_config.image_size, thumbnail=thumbnail)
        )
        return normalise_values(values, self.vision_model.embeddings.patch_embedding.weight.dtype)
