"""InternVL2's tiling of photos, shared by serving, training and the exporter.

The rule is that of InternVL 1.5 (arXiv 2404.16821, section 3.2; OpenGVLab's `dynamic_preprocess`): take the grid of at
most `max_tiles` tiles whose aspect ratio is nearest to the photo's; on a tie take the larger grid only if the photo has
more than half of its pixels. Resize the photo to the grid and cut it. Several tiles get a thumbnail in addition.
"""

from functools import cache

from PIL import Image

TILE = 448
"""Side of a tile, pixels."""
TILE_TOKENS = 256
"""Tokens of a tile in InternVL2."""
MAX_TILES = 12
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's mean and deviation of red, green and blue (0 to 1), as in InternVL2's training and in XTuner."""


@cache
def grids(max_tiles: int) -> tuple[tuple[int, int], ...]:
    """All (columns, rows) with at most `max_tiles` tiles, sorted by number of tiles."""
    # On a tie of ratios the earlier grid can win (1280 x 1024: 1 x 2 or 2 x 1?). The published rule leaves the order of
    # grids of one size to the iteration order of a set. Filling a set in the same order gives the same choice.
    all_grids = {
        (columns, rows)
        for tiles in range(1, max_tiles + 1)
        for columns in range(1, tiles + 1)
        for rows in range(1, tiles + 1)
        if columns * rows <= max_tiles
    }
    return tuple(sorted(all_grids, key=lambda grid: grid[0] * grid[1]))


def tile_grid(width: int, height: int, max_tiles: int = MAX_TILES, tile: int = TILE) -> tuple[int, int]:
    """The (columns, rows) of the grid for a photo of `width` × `height` pixels."""
    ratio, best, best_difference = width / height, (1, 1), float("inf")
    for columns, rows in grids(max_tiles):
        difference = abs(ratio - columns / rows)
        larger = difference == best_difference and width * height > 0.5 * tile * tile * columns * rows
        if difference < best_difference or larger:
            best, best_difference = (columns, rows), difference
    return best


def tile_count(width: int, height: int, max_tiles: int = MAX_TILES, tile: int = TILE) -> int:
    """Number of tiles of a photo, the thumbnail included."""
    columns, rows = tile_grid(width, height, max_tiles, tile)
    return columns * rows + (1 if columns * rows > 1 else 0)


def cut_tiles(photo: Image.Image, max_tiles: int = MAX_TILES, tile: int = TILE) -> list[Image.Image]:
    """The photo's tiles (`tile` × `tile` pixels) in reading order; the thumbnail, if there is one, comes last."""
    columns, rows = tile_grid(*photo.size, max_tiles, tile)
    resized = photo.resize((columns * tile, rows * tile))
    tiles = [
        resized.crop((x * tile, y * tile, (x + 1) * tile, (y + 1) * tile)) for y in range(rows) for x in range(columns)
    ]
    if len(tiles) > 1:
        tiles.append(photo.resize((tile, tile)))
    return tiles
