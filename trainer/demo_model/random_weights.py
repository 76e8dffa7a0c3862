"""`jokebot demo-model random`: writes an InternVL2 checkpoint with random weights.

It is for tests, the first demo and measurements at real size. It loads like InternVL2, but its replies are noise.
"""

import contextlib
import math
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import JokebotError
from configs.tiling import MEAN, STD, TILE
from trainer.demo_model import tokenizer
from trainer.demo_model.architectures import ArchitectureShape, config, parameters
from trainer.demo_model.weight_writer import write_checkpoint

CODE = Path(__file__).parents[2] / "configs" / "demo-model" / "checkpoint"
"""The folder of Jokebot's modelling code, a part of the demo model like in any checkpoint."""
SPREAD = 0.02
"""Standard deviation of the weights: initializer_range of the published configuration."""
PIECE = 8_000_000
"""Number of values sampled at a time: 32 MB."""


def write_random(directory: Path, shape: ArchitectureShape, seed: int) -> int:
    """Write a checkpoint to a new or empty directory. Returns the weights' bytes.

    The same shape and seed give the same bytes. The directory is renamed when complete, so an interrupted call leaves
    only an `…-unfinished` directory. Raises JokebotError if the directory is in use.
    """

    def values(name: str, size: tuple[int, ...]) -> Iterator[NDArray[np.float32]]:
        return draw(seed, name, math.prod(size))

    with new_directory(directory) as place:
        write_frame(place, shape)
        return write_checkpoint(place, parameters(shape), values)


@contextlib.contextmanager
def new_directory(directory: Path) -> Iterator[Path]:
    """A temporary directory, renamed to `directory` at the end of the block."""
    if directory.is_file() or directory.is_dir() and any(directory.iterdir()):
        raise JokebotError(f"{directory} is in use. Choose another --out, or remove it first.")
    place = directory.with_name(f"{directory.name}-unfinished")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    yield place
    place.rename(directory)


def write_frame(directory: Path, shape: ArchitectureShape) -> None:
    """Write a checkpoint's files except its weights: modelling code, configuration, tokenizer, picture settings."""
    for file in sorted(CODE.glob("*.py")):
        shutil.copyfile(file, directory / file.name)
    tokenizer.dump(directory / "config.json", config(shape))
    words = tokenizer.write(directory, shape.vocabulary)
    stops = [words.token_to_id(token) for token in ("<|im_end|>", "<|im_start|>", "</s>")]
    tokenizer.dump(
        directory / "generation_config.json",
        {"bos_token_id": 1, "eos_token_id": stops, "pad_token_id": 2, "transformers_version": "4.48.0"},
    )
    tokenizer.dump(
        directory / "preprocessor_config.json",
        {
            "crop_size": TILE,
            "do_center_crop": True,
            "do_normalize": True,
            "do_resize": True,
            "feature_extractor_type": "CLIPFeatureExtractor",
            "image_mean": list(MEAN),
            "image_std": list(STD),
            "resample": 3,
            "size": TILE,
        },
    )


def draw(seed: int, name: str, count: int) -> Iterator[NDArray[np.float32]]:
    """A parameter's initial values: ones for norms and layer scales, zeros for biases, else normally distributed.

    Each parameter has its own random stream, seeded by the seed and its name, so the order of writing doesn't matter.
    """
    constant = 0.0 if name.endswith("bias") else 1.0 if is_scale(name) else None
    stream = np.random.default_rng([seed, zlib.crc32(name.encode())])
    for start in range(0, count, PIECE):
        length = min(PIECE, count - start)
        if constant is None:
            yield stream.standard_normal(length, dtype=np.float32) * np.float32(SPREAD)
        else:
            yield np.full(length, constant, dtype=np.float32)


def is_scale(name: str) -> bool:
    return name.endswith((".ls1", ".ls2", "mlp1.0.weight")) or "norm" in name.rsplit(".", 2)[-2]
