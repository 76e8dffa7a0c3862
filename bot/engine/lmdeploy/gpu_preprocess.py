"""Makes InternVL2's tiles from a photo's pixels, with tensor arithmetic that takes a GPU less than a millisecond.

LMDeploy does this on one CPU thread: Pillow's bicubic resize into the tile grid, then torchvision's ToTensor and
Normalize. That takes 90 ms for a photo of 13 tiles (measured, `docs/deploy/gpu.md`), and 15.7 MB of normalised values
are sent to its engine process. Here the engine process gets the photo's 8-bit pixels, 3.7 MB at 1280 × 960, and does
the same arithmetic.

Pillow's resize of 8-bit pictures is separable: a horizontal pass and a vertical one, each a weighted sum over the
pixels near the centre with weights in 22-bit fixed point, rounded and clipped to 8 bits (Pillow's `Resample.c`). This
module adds up the same integers, one tap of the kernel at a time over the whole image, so the tiles are bit for bit
equal to Pillow's.
"""

import math
from functools import cache, lru_cache

import numpy
import torch
from PIL import Image

from configs.tiling import MEAN, STD

GRID = "jokebot_grid"
"""Key of an image's grid (columns, rows, has a thumbnail) beside its pixels; stock requests have no grid."""
SUPPORT = 2.0
"""The bicubic kernel's radius in pixels when enlarging; it is multiplied by the scale when reducing."""
PRECISION_BITS = 32 - 8 - 2
"""Bits of a fixed-point weight, as in Pillow."""


def bicubic(distance: torch.Tensor) -> torch.Tensor:
    """Keys' cubic kernel with a = -0.5, Pillow's choice."""
    a, x = -0.5, distance.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


@lru_cache(maxsize=64)
def taps(size: int, new_size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The kernel that resizes `size` pixels to `new_size`: indexes and weights, both (taps, new_size), int32."""
    scale = size / new_size
    reach = max(scale, 1.0)
    centre = (torch.arange(new_size, dtype=torch.float64) + 0.5) * scale
    first = (centre - SUPPORT * reach + 0.5).trunc().clamp(min=0)
    end = (centre + SUPPORT * reach + 0.5).trunc().clamp(max=size)
    indexes = first + torch.arange(math.ceil(SUPPORT * reach) * 2 + 1, dtype=torch.float64)[:, None]
    weights = bicubic((indexes - centre + 0.5) / reach) * (indexes < end)
    fixed = weights / weights.sum(0) * (1 << PRECISION_BITS)
    rounded = (fixed + torch.where(fixed < 0, -0.5, 0.5)).trunc().to(torch.int32)
    used = (rounded != 0).any(1)
    # Taps beyond the end have weight 0 but need a valid index.
    return indexes.clamp(max=size - 1)[used].to(torch.int32).to(device), rounded[used].to(device)


def resize(planes: torch.Tensor, width: int, height: int, *, down_first: bool | None = None) -> torch.Tensor:
    """Resize int32 planes (channels, rows, columns) of values 0 to 255 to (channels, height, width), like Pillow.

    `down_first` does the vertical pass first; None takes the order of the installed Pillow.
    """
    rows, columns = planes.shape[1:]
    if down_first is None:
        down_first = rows > height and rows - height > 2 * (columns - width) and pillow_goes_down_first()
    for dimension, size in ((1, height), (2, width)) if down_first else ((2, width), (1, height)):
        planes = resize_dimension(planes, dimension, size)
    return planes


def resize_dimension(planes: torch.Tensor, dimension: int, new_size: int) -> torch.Tensor:
    """Resize along the rows (dimension 1) or the columns (2)."""
    size = planes.shape[dimension]
    if size == new_size:
        return planes
    indexes, weights = taps(size, new_size, planes.device)
    shape = [*planes.shape]
    shape[dimension] = new_size
    total = torch.full(shape, 1 << (PRECISION_BITS - 1), dtype=torch.int32, device=planes.device)
    for index, weight in zip(indexes, weights, strict=True):
        total.addcmul_(planes.index_select(dimension, index), weight[:, None] if dimension == 1 else weight)
    return total.bitwise_right_shift_(PRECISION_BITS).clamp_(0, 255)


@cache
def pillow_goes_down_first() -> bool:
    """Whether the installed Pillow does the vertical pass first for tall photos.

    Pillow 13 does so if it removes rows, and more than twice as many rows as columns (found by experiment); earlier
    versions never do. The order matters because values are rounded between the passes.
    """
    photo = torch.randint(0, 256, (40, 16, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    pillow = torch.from_numpy(numpy.array(Image.fromarray(photo.numpy()).resize((24, 24)))).permute(2, 0, 1)
    planes = photo.permute(2, 0, 1).int()
    differing = [(resize(planes, 24, 24, down_first=order) != pillow).sum() for order in (False, True)]
    return bool(differing[1] < differing[0])


def photo_tiles(photo: torch.Tensor, grid: tuple[int, int], tile: int, *, thumbnail: bool) -> torch.Tensor:
    """The tiles of a photo (rows, columns, 3), 8 bits, in a `grid` of (columns, rows): (tiles, 3, tile, tile).

    Values are 0 to 255. Tiles are in reading order; with `thumbnail` a thumbnail follows if there are several tiles.
    """
    planes, (columns, rows) = photo.permute(2, 0, 1).to(torch.int32, memory_format=torch.contiguous_format), grid
    resized = resize(planes, columns * tile, rows * tile)
    tiles = resized.view(3, rows, tile, columns, tile).permute(1, 3, 0, 2, 4).reshape(-1, 3, tile, tile)
    if thumbnail and columns * rows > 1:
        tiles = torch.cat([tiles, resize(planes, tile, tile)[None]])
    return tiles


def normalise_values(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The vision model's input for values 0 to 255 (…, 3, rows, columns), as torchvision's ToTensor and Normalize."""
    mean, std = colour_statistics(values.device)
    return values.float().div_(255).sub_(mean).div_(std).to(dtype)


@cache
def colour_statistics(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the colours. Cached: creating them would make the CPU wait for the GPU."""
    mean, std = (torch.tensor(numbers, device=device)[:, None, None] for numbers in (MEAN, STD))
    return mean, std
