# environment: train
"""Compares the tiles of `bot/engine/lmdeploy/gpu_preprocess.py` with LMDeploy's, which Pillow makes on the CPU.

For photos of several sizes: whether both are bit-identical, and for 1280 × 960 pixels (13 tiles) the median
milliseconds of each and the bytes sent to LMDeploy's engine process. The last output line is one JSON object.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import machine
from bot.engine.lmdeploy.gpu_preprocess import normalise_values, photo_tiles
from configs.tiling import cut_tiles, tile_grid

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SIZES = ((1280, 960), (960, 1280), (640, 480), (333, 777), (899, 640), (100, 50))


def on_cpu(photo: Image.Image) -> torch.Tensor:
    """As LMDeploy: Pillow's tiles, torchvision's ToTensor and Normalize in float32, then the cast."""
    return torch.stack(
        [
            normalise_values(torch.from_numpy(numpy.array(tile)).permute(2, 0, 1), torch.bfloat16)
            for tile in cut_tiles(photo)
        ]
    )


def on_device(photo: Image.Image) -> torch.Tensor:
    pixels = torch.from_numpy(numpy.array(photo)).to(DEVICE)
    return normalise_values(photo_tiles(pixels, tile_grid(*photo.size), 448, thumbnail=True), torch.bfloat16)


def milliseconds(make: Callable[[Image.Image], torch.Tensor], photo: Image.Image, times: int = 15) -> float:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        make(photo)
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return round(1000 * statistics.median(seconds), 2)


def main() -> int:
    torch.set_num_threads(1)
    random = numpy.random.default_rng(0)
    photos = [
        Image.fromarray(random.integers(0, 256, (rows, columns, 3), dtype=numpy.uint8)) for columns, rows in SIZES
    ]
    equal = [torch.equal(on_cpu(photo), on_device(photo).cpu()) for photo in photos]
    tiles = on_cpu(photos[0])
    print(
        json.dumps(
            {
                "equal": all(equal),
                "photos": dict(zip(map(str, SIZES), equal, strict=True)),
                "cpu_ms": milliseconds(on_cpu, photos[0]),
                "device_ms": milliseconds(on_device, photos[0]),
                "device": DEVICE,
                "bytes_stock": tiles.nbytes,
                "bytes_ours": photos[0].width * photos[0].height * 3,
                "machine": machine(),
            }
        )
    )
    return 0 if all(equal) else 1


if __name__ == "__main__":
    sys.exit(main())
