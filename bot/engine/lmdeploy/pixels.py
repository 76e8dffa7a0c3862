"""From a photo's bytes to the tiles InternVL2 looks at, as tensor arithmetic that a GPU does in under a millisecond.

LMDeploy does this on one CPU thread: Pillow's bicubic resize into the tile grid, then torchvision's ToTensor and Normalize,
90 ms a photo of 13 tiles (measured, `docs/benchmarks.md`), and sends 15.7 MB of normalised values to its engine process. Here
the engine process gets the photo's own 8-bit pixels, 3.7 MB at 1280 × 960, and does the same arithmetic itself.

Pillow's resize of 8-bit pictures is separable: a horizontal pass, rounded and clipped to 8 bits, then a vertical one, each a
weighted sum over the window of `support` pixels around the centre (Pillow's `Resample.c`). Both passes are matrix products
here, in float32, with the same rounding between them, so a value differs from Pillow's by at most one step of 255, where a
sum lies on the edge between two.
"""
import math
from functools import cache, lru_cache

import numpy
import torch
from PIL import Image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, which InternVL2 was trained with."""
SUPPORT = 2.0
"""Pixels on each side that a bicubic kernel reaches when enlarging; more by the scale when reducing."""


def bicubic(distance: torch.Tensor) -> torch.Tensor:
    """Keys' cubic kernel with a = -0.5, Pillow's choice."""
    a, x = -0.5, distance.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


@lru_cache(maxsize=64)
def resize_matrix(size: int, wanted: int, device: torch.device) -> torch.Tensor:
    """The (wanted, size) matrix that resizes a line of `size` pixels as Pillow does; rows add up to one."""
    scale = size / wanted
    reach = max(scale, 1.0)
    radius, taps = SUPPORT * reach, math.ceil(SUPPORT * reach) * 2 + 1
    centre = (torch.arange(wanted, dtype=torch.float64) + 0.5) * scale
    first = (centre - radius + 0.5).floor().clamp(min=0)
    end = (centre + radius + 0.5).floor().clamp(max=size)
    place = first[:, None] + torch.arange(taps, dtype=torch.float64)
    weights = bicubic((place - centre[:, None] + 0.5) / reach) * (place < end[:, None])
    weights = weights / weights.sum(1, keepdim=True)
    matrix = torch.zeros(wanted, size, dtype=torch.float32, device=device)
    # Taps past the end weigh nothing, but a place they need.
    places = place.clamp(max=size - 1).long().to(device)
    return matrix.scatter_add_(1, places, weights.float().to(device))


def resize(planes: torch.Tensor, width: int, height: int, *, down_first: bool | None = None) -> torch.Tensor:
    """Resize float planes (channels, rows, columns) of values 0 to 255 to (channels, height, width), whole numbers again.

    `down_first` None takes the order of the Pillow that is installed.
    """
    rows, columns = planes.shape[1:]
    if down_first is None:
        down_first = rows > height and rows - height > 2 * (columns - width) and pillow_goes_down_first()
    for passing in (down, across) if down_first else (across, down):
        planes = passing(planes, width, height)
    return planes


def across(planes: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """The horizontal pass."""
    channels, rows, columns = planes.shape
    if columns == width:
        return planes
    product = planes.reshape(-1, columns) @ resize_matrix(columns, width, planes.device).T
    return product.round_().clamp_(0, 255).view(channels, rows, width)


def down(planes: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """The vertical pass."""
    rows = planes.shape[1]
    return planes if rows == height else torch.matmul(resize_matrix(rows, height, planes.device), planes).round_().clamp_(0, 255)


@cache
def pillow_goes_down_first() -> bool:
    """Whether the Pillow that is installed makes the vertical pass first for tall photos.

    Pillow 13 does where it takes away more than twice as many rows as columns, and some rows (seen by trying); the ones
    before it never do. The order shows, because values are rounded between the passes.
    """
    photo = torch.randint(0, 256, (40, 16, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    pillow = torch.from_numpy(numpy.array(Image.fromarray(photo.numpy()).resize((24, 24)))).permute(2, 0, 1)
    planes = photo.permute(2, 0, 1).float()
    differing = [(resize(planes, 24, 24, down_first=order) != pillow).sum() for order in (False, True)]
    return bool(differing[1] < differing[0])


def photo_tiles(photo: torch.Tensor, grid: tuple[int, int], tile: int, *, thumbnail: bool) -> torch.Tensor:
    """The tiles of a photo (rows, columns, 3), 8 bits, cut by `grid` (columns, rows): (tiles, 3, tile, tile), values 0 to 255.

    Reading order, the thumbnail last where there are several tiles and the model wants one.
    """
    planes, (columns, rows) = photo.permute(2, 0, 1).float(), grid
    whole = resize(planes, columns * tile, rows * tile)
    tiles = whole.view(3, rows, tile, columns, tile).permute(1, 3, 0, 2, 4).reshape(-1, 3, tile, tile)
    if thumbnail and columns * rows > 1:
        tiles = torch.cat([tiles, resize(planes, tile, tile)[None]])
    return tiles


def normalised(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What the vision model reads for values 0 to 255 (…, 3, rows, columns): torchvision's ToTensor and Normalize, cast last."""
    mean, std = colours(values.device)
    return values.float().div_(255).sub_(mean).div_(std).to(dtype)


@cache
def colours(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the colours, made once: making them anew would have the CPU wait for the GPU."""
    mean, std = (torch.tensor(numbers, device=device)[:, None, None] for numbers in (MEAN, STD))
    return mean, std
