"""How InternVL2 cuts a photo into tiles: the geometry that serving, training and the exporter share.

The rule is the published one of InternVL 1.5 (arXiv 2404.16821, section 3.2; OpenGVLab's `dynamic_preprocess`): among
all grids of min..max tiles take the one whose aspect ratio is nearest the photo's, on a tie the larger grid only where
the photo has more than half of its pixels; resize the photo to the grid, cut it, and add a thumbnail where there are
several.
"""

from functools import cache

from PIL import Image

TILE = 448
"""Pixels of a tile's side."""
TILE_TOKENS = 256
"""Tokens of a tile, InternVL2's own figure."""
MAX_TILES = 12
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of red, green and blue in 0..1: what InternVL2 was trained with, and how OpenGVLab and XTuner
normalise.
"""


@cache
def grids(max_tiles: int) -> tuple[tuple[int, int], ...]:
    """All (columns, rows) with at most `max_tiles` tiles, by number of tiles."""
    # On a tie of ratios the earlier grid can win (1280 x 1024: 1 x 2 or 2 x 1?), and the published rule leaves the
    # order of grids of one size to a set. So the set is filled in its order, which alone gives the same choice for
    # every maximum.
    found = {
        (columns, rows)
        for tiles in range(1, max_tiles + 1)
        for columns in range(1, tiles + 1)
        for rows in range(1, tiles + 1)
        if columns * rows <= max_tiles
    }
    return tuple(sorted(found, key=lambda grid: grid[0] * grid[1]))


def tile_grid(width: int, height: int, max_tiles: int = MAX_TILES, tile: int = TILE) -> tuple[int, int]:
    """The (columns, rows) that a photo of that many pixels is cut into."""
    ratio, best, best_difference = width / height, (1, 1), float("inf")
    for columns, rows in grids(max_tiles):
        difference = abs(ratio - columns / rows)
        larger = difference == best_difference and width * height > 0.5 * tile * tile * columns * rows
        if difference < best_difference or larger:
            best, best_difference = (columns, rows), difference
    return best


def tile_count(width: int, height: int, max_tiles: int = MAX_TILES, tile: int = TILE) -> int:
    """Tiles of a photo, the thumbnail included."""
    columns, rows = tile_grid(width, height, max_tiles, tile)
    return columns * rows + (1 if columns * rows > 1 else 0)


def cut_tiles(photo: Image.Image, max_tiles: int = MAX_TILES, tile: int = TILE) -> list[Image.Image]:
    """The photo's tiles of tile × tile pixels in reading order, the thumbnail last where there are several."""
    columns, rows = tile_grid(*photo.size, max_tiles, tile)
    resized = photo.resize((columns * tile, rows * tile))
    tiles = [
        resized.crop((x * tile, y * tile, (x + 1) * tile, (y + 1) * tile)) for y in range(rows) for x in range(columns)
    ]
    if len(tiles) > 1:
        tiles.append(photo.resize((tile, tile)))
    return tiles
