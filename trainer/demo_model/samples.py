"""`python -m trainer.demo_model.samples PACK DIR`: paints the sample pictures of the demo's page."""

import sys
from pathlib import Path

import torch

from configs.subjects import load_subjects
from trainer.demo_model.augmentation import PicturePainter, to_picture
from trainer.demo_model.picture_pack import load_pack

SERIES = (
    ("fox", "hamburger", "butterfly", "octopus", "cactus", "guitar", "penguin", "bicycle"),
    ("elephant", "pizza", "dog", "snail", "umbrella", "robot", "owl", "car"),
)
"""Subjects of the samples; each series was painted at once."""
SET = "noto"
SEED = 424_243


def write_samples(pack: Path, directory: Path) -> None:
    """Write a JPEG of 448 × 448 pixels for each subject of SERIES, named after it."""
    directory.mkdir(parents=True, exist_ok=True)
    subjects, known = [subject.en for subject in load_subjects()], load_pack(pack)
    for number, series in enumerate(SERIES):
        numbers = [subjects.index(name) for name in series]
        drawings = [drawing for drawing in known if drawing.set == SET and drawing.subject in numbers]
        painter = PicturePainter(drawings, torch.device("cpu"), SEED + number, restyle=0)
        scene = painter.paint(len(numbers), 448, torch.tensor(numbers))
        for name, pixels in zip(series, scene.pictures, strict=True):
            to_picture(pixels).save(directory / f"{name}.jpg", quality=88)


if __name__ == "__main__":
    write_samples(Path(sys.argv[1]), Path(sys.argv[2]))
