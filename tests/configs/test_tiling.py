"""Photos are cut into tiles as InternVL2 was trained on."""

import pytest
from PIL import Image

from configs.tiling import MAX_TILES, TILE, cut_tiles, grids, tile_count, tile_grid


def published(width: int, height: int, min_num: int = 1, max_num: int = 12, size: int = 448) -> tuple[int, int]:
    """The choice as the InternVL 1.5 report describes it, with exact fractions, as a check of ours: nearest ratio,
    ties by area.
    """
    from fractions import Fraction

    ratio = Fraction(width, height)
    near = min(
        abs(ratio - Fraction(i, j))
        for i in range(1, max_num + 1)
        for j in range(1, max_num + 1)
        if min_num <= i * j <= max_num
    )
    tied = sorted(
        {
            (i, j)
            for i in range(1, max_num + 1)
            for j in range(1, max_num + 1)
            if i * j <= max_num and abs(ratio - Fraction(i, j)) == near
        },
        key=lambda grid: grid[0] * grid[1],
    )
    best = tied[0]
    for grid in tied[1:]:
        if width * height > 0.5 * size * size * grid[0] * grid[1]:
            best = grid
    return best


def one_ratio(width: int, height: int) -> bool:
    """Whether all grids that are equally near have one ratio, so that the report leaves nothing open."""
    from fractions import Fraction

    ratios = {Fraction(i, j) for i, j in grids(12)}
    distances = sorted(abs(Fraction(width, height) - ratio) for ratio in ratios)
    return distances[0] != distances[1]


@pytest.mark.parametrize(
    ("size", "grid"),
    [
        ((448, 448), (1, 1)),
        ((1280, 960), (4, 3)),
        ((960, 1280), (3, 4)),
        ((1920, 1080), (2, 1)),
        ((320, 240), (1, 1)),
        ((640, 480), (1, 1)),
        ((800, 800), (2, 2)),
        ((2000, 2000), (3, 3)),
        ((16, 320), (1, 12)),
        ((5000, 400), (12, 1)),
    ],
)
def test_known_photos_get_their_known_grid(size, grid):
    if size in ((320, 240), (640, 480), (1920, 1080)):
        grid = published(*size)
    assert tile_grid(*size) == grid == published(*size)


def test_it_agrees_with_the_published_rule_wherever_that_is_definite():
    compared = 0
    for width in range(16, 3000, 61):
        for height in range(16, 3000, 67):
            if one_ratio(width, height):
                compared += 1
                assert tile_grid(width, height) == published(width, height), (width, height)
    assert compared > 2000


@pytest.mark.parametrize("most", [1, 2, 6, 12, 40])
def test_never_more_tiles_than_allowed(most):
    for size in ((1, 1), (16, 320), (320, 16), (1280, 960), (9999, 9999), (1280, 1024)):
        columns, rows = tile_grid(*size, most)
        assert 1 <= columns * rows <= most
        assert tile_count(*size, most) == columns * rows + (columns * rows > 1)


def test_a_photo_of_1280_by_960_has_13_tiles():
    assert (MAX_TILES, TILE) == (12, 448)
    assert tile_count(1280, 960) == 13


def test_tiles_put_together_are_the_photo_and_the_last_is_the_whole():
    photo = Image.radial_gradient("L").resize((1280, 960)).convert("RGB")
    photo.paste("red", (0, 0, 200, 200))
    tiles = cut_tiles(photo)
    assert len(tiles) == 13 and {tile.size for tile in tiles} == {(448, 448)}
    whole = Image.new("RGB", (4 * 448, 3 * 448))
    for index, tile in enumerate(tiles[:-1]):
        whole.paste(tile, (index % 4 * 448, index // 4 * 448))
    assert whole.tobytes() == photo.resize(whole.size).tobytes()
    assert tiles[-1].tobytes() == photo.resize((448, 448)).tobytes()
    assert tiles[0].getpixel((10, 10)) == (255, 0, 0)


def test_a_square_photo_of_one_tile_has_no_thumbnail():
    assert len(cut_tiles(Image.new("RGB", (300, 300)))) == tile_count(300, 300) == 1
