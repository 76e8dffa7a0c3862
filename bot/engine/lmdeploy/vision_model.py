"""Our preprocess in LMDeploy's server process, registered in place of its own for InternVL2.

It only chooses the tile grid and sends the 8-bit pixels; `input_processor.py` makes the tiles in the engine process.
The other fields of a request are those of LMDeploy's own class (`lmdeploy/vl/model/internvl.py`, 0.18.0): names, token
counts, offsets. A photo with more pixels than its tiles is cut here, so that fewer pixels are sent. A hash identifies
each picture in the engine's prefix cache (`prefix_cache.py`).
"""

import hashlib
from typing import Any

import numpy
from lmdeploy.vl.model.internvl import InternVLVisionModel, find_closest_aspect_ratio
from numpy.typing import NDArray
from PIL import Image

from bot.engine.lmdeploy.gpu_preprocess import GRID
from bot.engine.lmdeploy.photo_memo import PREPARED
from bot.engine.lmdeploy.prefix_cache import PIXEL_HASH

DETAIL = {"low": 6, "medium": 12, "high": 24}
"""Maximum of tiles for OpenAI's `detail`, as in LMDeploy."""


def grids(minimum: int, maximum: int) -> list[tuple[int, int]]:
    """All (columns, rows) with `minimum` to `maximum` tiles in LMDeploy's order: by size, then in set order."""
    # Built exactly as in LMDeploy: within a size, the order is that of this set.
    pairs = {
        (i, j)
        for n in range(minimum, maximum + 1)
        for i in range(1, n + 1)
        for j in range(1, n + 1)
        if minimum <= i * j <= maximum
    }
    return sorted(pairs, key=lambda grid: grid[0] * grid[1])


def pixel_hash(pixels: NDArray[numpy.uint8], grid: tuple[int, int, bool]) -> str:
    """SHA-256 of all that the tiles are made of: the pixels, their shape and the grid. Takes 2 to 8 ms for 3.7 MB."""
    digest = hashlib.sha256(f"{pixels.shape} {grid} ".encode())
    digest.update(numpy.ascontiguousarray(pixels).data)
    return digest.hexdigest()


class PhotoVisionModel(InternVLVisionModel):
    """InternVL's preprocess that leaves resizing and normalising to the engine process."""

    def build_preprocessor(self, trust_remote_code: bool = False) -> None:
        """As in LMDeploy. Raises ValueError for checkpoints before V1.5, whose images are not cut into tiles."""
        super().build_preprocessor(trust_remote_code=trust_remote_code)
        if self.processor != self._preprocess_v1_5:
            raise ValueError("this checkpoint's pictures are not cut into tiles; serve it with --preprocess stock")
        self._grids: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def preprocess(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add the `preprocess` message that `to_pytorch` and the engine read, with one entry for each image."""
        entries = [self._entry(image, parameters) for _, image, parameters in self.collect_multimodal_items(messages)]
        messages.append({"role": "preprocess", "content": entries})
        return messages

    def _entry(self, image: Image.Image, parameters: dict[str, Any]) -> dict[str, Any]:
        columns, rows = self.grid(image.size, self._max_tiles(parameters))
        thumbnail = bool(self.config.use_thumbnail)
        tiles = columns * rows + (thumbnail and columns * rows > 1)
        # Kept with a picture that is used again (`photo_memo.py`).
        prepared, grid = image.info.get(PREPARED, {}), (columns, rows, thumbnail)
        if grid not in prepared:
            pixels = self._pixels(image, (columns, rows), thumbnail)
            prepared[grid] = (pixels, pixel_hash(pixels, grid))
        pixels, key = prepared[grid]
        return {
            "pixel_values": pixels,
            GRID: grid,
            PIXEL_HASH: key,
            "image_tokens": tiles * self.image_tokens_per_patch,
            "image_token_id": self.image_token_id,
            "image_size": image.size,
        }

    def _pixels(self, image: Image.Image, grid: tuple[int, int], thumbnail: bool) -> NDArray[numpy.uint8]:
        """8-bit pixels: the photo's (rows, columns, 3), or its (tiles, side, side, 3) if those are fewer."""
        image = image if image.mode == "RGB" else image.convert("RGB")
        side, tiles = self.vision_config.image_size, grid[0] * grid[1] + 1
        if image.width * image.height <= side * side * tiles:
            return numpy.asarray(image)
        resized = numpy.asarray(image.resize((grid[0] * side, grid[1] * side)))
        cut = resized.reshape(grid[1], side, grid[0], side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
        thumbnails = [numpy.asarray(image.resize((side, side)))[None]] if thumbnail and len(cut) > 1 else []
        return numpy.concatenate([cut, *thumbnails])

    def grid(self, size: tuple[int, int], maximum: int) -> tuple[int, int]:
        """LMDeploy's choice of (columns, rows) for an image of that width and height."""
        minimum, (width, height) = self.config.min_dynamic_patch, size
        choices = self._grids.setdefault((minimum, maximum), grids(minimum, maximum))
        return find_closest_aspect_ratio(width / height, choices, width, height, self.vision_config.image_size)

    def _max_tiles(self, parameters: dict[str, Any]) -> int:
        maximum = parameters.get("max_dynamic_patch")
        if isinstance(maximum, int):
            return maximum
        return DETAIL.get(parameters.get("detail", "default"), self.config.max_dynamic_patch)
