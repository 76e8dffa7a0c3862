"""The preprocess of LMDeploy's server process, registered in place of its own for InternVL2: it only chooses the tile grid.

Beside what LMDeploy's own class does with a photo (`lmdeploy/vl/model/internvl.py`, 0.18.0), the parts of a request stay as
they are: names, token counts, offsets. The pixels go as 8-bit values with their grid, and `model.py` makes tiles of them in
the engine process. A photo with more pixels than its tiles is cut into them here, so that never more than those travel.
"""
from typing import Any

import numpy
from lmdeploy.vl.model.internvl import InternVLVisionModel, find_closest_aspect_ratio
from PIL import Image

GRID = "jokebot_grid"
"""Key of a picture's grid, (columns, rows, whether a thumbnail is wanted), beside its pixels; a request without it is stock."""
DETAIL = {"low": 6, "medium": 12, "high": 24}
"""Most tiles for OpenAI's `detail`, as LMDeploy has them."""


def grids(least: int, most: int) -> list[tuple[int, int]]:
    """All (columns, rows) of that many tiles, in the order in which LMDeploy tries them (the set's own within a size)."""
    found = {(i, j) for n in range(least, most + 1) for i in range(1, n + 1) for j in range(1, n + 1) if least <= i * j <= most}
    return sorted(found, key=lambda grid: grid[0] * grid[1])


class PhotoVisionModel(InternVLVisionModel):
    """InternVL's preprocess that leaves resizing and normalising to the engine process."""

    def build_preprocessor(self, trust_remote_code: bool = False) -> None:
        """As LMDeploy's own. Raises ValueError for the checkpoints before V1.5, whose pictures are not cut into tiles."""
        super().build_preprocessor(trust_remote_code=trust_remote_code)
        if self.processor != self._preprocess_v1_5:
            raise ValueError("this checkpoint's pictures are not cut into tiles; serve it with --preprocess stock")
        self._grids: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def preprocess(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add the `preprocess` message that `to_pytorch` and the engine read: one entry a picture."""
        pictures = [self._picture(image, parameters) for _, image, parameters in self.collect_multimodal_items(messages)]
        messages.append({"role": "preprocess", "content": pictures})
        return messages

    def _picture(self, image: Image.Image, parameters: dict[str, Any]) -> dict[str, Any]:
        columns, rows = self.grid(image.size, self._most_tiles(parameters))
        thumbnail = bool(self.config.use_thumbnail)
        tiles = columns * rows + (thumbnail and columns * rows > 1)
        return {"pixel_values": self._pixels(image, (columns, rows), thumbnail), GRID: (columns, rows, thumbnail),
                "image_tokens": tiles * self.image_tokens_per_patch, "image_token_id": self.image_token_id, "image_size": image.size}

    def _pixels(self, image: Image.Image, grid: tuple[int, int], thumbnail: bool) -> numpy.ndarray:
        """The 8-bit pixels: (rows, columns, 3) of the whole photo, or (tiles, side, side, 3) of one far larger than its tiles."""
        image = image if image.mode == "RGB" else image.convert("RGB")
        side, tiles = self.vision_config.image_size, grid[0] * grid[1] + 1
        if image.width * image.height <= side * side * tiles:
            return numpy.asarray(image)
        whole = numpy.asarray(image.resize((grid[0] * side, grid[1] * side)))
        cut = whole.reshape(grid[1], side, grid[0], side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
        small = [numpy.asarray(image.resize((side, side)))[None]] if thumbnail and len(cut) > 1 else []
        return numpy.concatenate([cut, *small])

    def grid(self, size: tuple[int, int], most: int) -> tuple[int, int]:
        """The (columns, rows) LMDeploy itself chooses for a picture of that width and height."""
        least, (width, height) = self.config.min_dynamic_patch, size
        choices = self._grids.setdefault((least, most), grids(least, most))
        return find_closest_aspect_ratio(width / height, choices, width, height, self.vision_config.image_size)

    def _most_tiles(self, parameters: dict[str, Any]) -> int:
        most = parameters.get("max_dynamic_patch")
        return most if isinstance(most, int) else DETAIL.get(parameters.get("detail", "default"), self.config.max_dynamic_patch)
