"""Makes what the recogniser compares a picture's features with: `configs/demo-model/recogniser.safetensors`.

`python -m trainer.demo_model.recogniser_heads PHOTOS PACK OUT`. PHOTOS is a folder of photographs (those of the
committed file are named in `configs/demo-model/NOTICE`), PACK the demo model's drawings. For each network the file has
the mean direction of each subject's drawings, and for the first one a probe that tells photographs from drawings.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from safetensors.torch import save_file

from configs.subjects import load_subjects
from trainer.demo_model.augmentation import PicturePainter, to_picture
from trainer.demo_model.picture_pack import PictureEntry, load_pack
from trainer.demo_model.recogniser import NETWORKS, PhotoNetwork
from trainer.demo_model.sources import HELD_OUT

SETS = ("fluent-emoji-3d", "openclipart")
"""Sets of shaded and coloured drawings, which are the most like photographs."""
SIDE = 260
PAINTED = 192
"""Painted pictures that stand for drawings when the probe is fitted."""
MIN_SPREAD = 0.05
SEED = 7
STEPS, RATE, DECAY = 2000, 0.05, 0.1
"""Gradient descent of the probe's logistic regression on standardised features."""


def on_ground(drawing: PictureEntry, draw: random.Random, white: bool) -> Image.Image:
    """A drawing in the middle of white, or of clouds between two colours."""
    ground = Image.new("RGB", (SIDE, SIDE), "white")
    if not white:
        first, second = (np.array([draw.randrange(256) for _ in range(3)], np.float32) for _ in range(2))
        cells = draw.choice((2, 4, 9))
        noise = np.random.default_rng(draw.randrange(2**30)).random((cells, cells), np.float32)
        clouds = np.asarray(Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC))[..., None].clip(0, 1)
        ground = Image.fromarray((first + (second - first) * clouds).clip(0, 255).astype(np.uint8))
    scale = draw.uniform(0.6, 0.95) * SIDE / max(drawing.picture.size)
    size = (max(1, round(drawing.picture.width * scale)), max(1, round(drawing.picture.height * scale)))
    small = drawing.picture.resize(size, Image.Resampling.LANCZOS)
    ground.paste(small, ((SIDE - small.width) // 2, (SIDE - small.height) // 2), small)
    return ground


def drawing_heads(features: torch.Tensor, subjects: torch.Tensor, photos: torch.Tensor) -> dict[str, torch.Tensor]:
    """Directions (subjects, 1280) of drawings' features (n, 1280), their spread, and the photographs' mean.

    A subject without drawings gets zeros, which are like nothing.
    """
    spread = features.std(0) + MIN_SPREAD
    directions = F.normalize((features - features.mean(0)) / spread, dim=1)
    means = torch.stack(
        [
            directions[subjects == number].mean(0) if bool((subjects == number).any()) else torch.zeros(len(spread))
            for number in range(len(load_subjects()))
        ]
    )
    return {"drawings": F.normalize(means, dim=1), "spread": spread, "photo_mean": photos.mean(0)}


def fit_probe(photos: torch.Tensor, drawings: torch.Tensor) -> torch.Tensor:
    """Weights and bias (1281,) of a logistic regression: positive for photographs, negative for drawings."""
    known = torch.cat([photos, drawings])
    sign = torch.cat([torch.ones(len(photos)), -torch.ones(len(drawings))])
    share = torch.cat([torch.full((len(part),), 0.5 / len(part)) for part in (photos, drawings)])
    mean, spread = known.mean(0), known.std(0) + 1e-3
    known = (known - mean) / spread
    weights, bias = torch.zeros(known.shape[1]), torch.zeros(())
    for _ in range(STEPS):
        slope = sign * torch.sigmoid(-sign * (known @ weights + bias)) * share
        weights = weights + RATE * (known.T @ slope - DECAY * weights)
        bias = bias + RATE * slope.sum()
    weights = weights / spread
    return torch.cat([weights, (bias - weights @ mean)[None]])


@torch.inference_mode()
def make_heads(photos: list[Image.Image], pack: Path) -> dict[str, torch.Tensor]:
    """All tensors of the file."""
    drawings = [drawing for drawing in load_pack(pack) if drawing.set != HELD_OUT]
    clear = [drawing for drawing in drawings if drawing.set in SETS]
    subjects = torch.tensor([drawing.subject for drawing in clear])
    tensors: dict[str, torch.Tensor] = {}
    for name in NETWORKS:
        network, draw = PhotoNetwork(name, None), random.Random(SEED)
        shown = (on_ground(drawing, draw, white=draw.random() < 0.5) for drawing in clear)
        features = torch.stack([network.whole(picture)[0] for picture in shown])
        seen = torch.stack([network.whole(photo)[0] for photo in photos])
        tensors |= {f"{name}.{part}": value for part, value in drawing_heads(features, subjects, seen).items()}
        print(f"{name}: {len(clear)} drawings, {len(photos)} photographs", flush=True)
        if name == next(iter(NETWORKS)):
            grey = torch.stack([network.whole(ImageOps.grayscale(each).convert("RGB"))[0] for each in photos])
            painter = PicturePainter(drawings, torch.device("cpu"), SEED, restyle=0)
            painted = [to_picture(pixels) for _ in range(PAINTED // 16) for pixels in painter.paint(16, 448).pictures]
            drawn = torch.stack([network.whole(picture)[0] for picture in painted])
            tensors["photo.probe"] = fit_probe(torch.cat([seen, grey]), torch.cat([drawn, features]))
    return tensors


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trainer.demo_model.recogniser_heads")
    parser.add_argument("photos", type=Path, help="folder of photographs")
    parser.add_argument("pack", type=Path, help="image pack made by `jokebot demo-model pack`")
    parser.add_argument("out", type=Path, help="file to write")
    arguments = parser.parse_args()
    files = sorted(file for file in arguments.photos.rglob("*") if file.suffix.lower() in (".jpg", ".png", ".webp"))
    photos = []
    for file in files:
        with Image.open(file) as opened:
            opened.thumbnail((560, 560))
            photos.append(opened.convert("RGB"))
    tensors = make_heads(photos, arguments.pack)
    save_file({name: value.half().contiguous() for name, value in tensors.items()}, arguments.out)


if __name__ == "__main__":
    main()
