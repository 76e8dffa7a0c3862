"""Jokes of the demo model, or of a fine-tuned one, about painted pictures, for `make bench-learning_graded`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from configs.prompts import load_prompts
from configs.settings import ROOT
from configs.subjects import PictureSubject, load_subjects
from trainer.demo_model.augmentation import PicturePainter, to_picture
from trainer.demo_model.build import TRAINING
from trainer.demo_model.evaluate import SEED, encoder_of, write_replies
from trainer.demo_model.joke_templates import NEUTRAL
from trainer.demo_model.picture_pack import PictureEntry
from trainer.gate.replies import GateReply
from trainer.gate.reply_features import ReplyFeatures

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
LANGUAGES = ("en", "zh")
BATCH = 60


@dataclass(frozen=True)
class Shown:
    """Jokes about one picture in one language."""

    subject: PictureSubject
    language: str
    texts: tuple[str, ...]


def write_jokes(
    model: Any, drawings: Sequence[PictureEntry], seed: int, count: int, jokes: int, folder: Path | None = None
) -> list[Shown]:
    """`jokes` jokes about each of `count` new pictures, at temperature 1, whose files are kept in `folder` if given.

    The pictures are those of the seed, painted on the CPU from the drawings that the demo model was trained on. The
    model writes on its own device.
    """
    known = json.loads((CHECKPOINT / TRAINING).read_text(encoding="utf-8"))["sets"]
    painter = PicturePainter(
        [drawing for drawing in drawings if drawing.set in known], torch.device("cpu"), SEED + 5000 + seed, restyle=0
    )
    encoder, subjects, device = encoder_of(CHECKPOINT), load_subjects(), next(model.parameters()).device
    found: list[Shown] = []
    batch = max(1, min(BATCH, count // 2))
    for start in range(0, count, batch):
        language = LANGUAGES[start // batch % 2]
        scene, question = painter.paint(min(batch, count - start), 448), load_prompts().ask(language, NEUTRAL)
        told = [
            write_replies(model, encoder, scene.pictures.to(device), question, 1.0, 97 * seed + start + number)
            for number in range(jokes)
        ]
        for place, number in enumerate(scene.subjects.tolist()):
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
                to_picture(scene.pictures[place]).save(folder / f"{len(found):04d}.jpg", quality=90)
            texts = tuple(replies[place][0] for replies in told)
            found.append(Shown(subjects[number], language, texts))
    return found


def variety(jokes: Sequence[Shown]) -> float:
    """The gate's effective number of joke kinds, mean over languages."""
    found = []
    for language in LANGUAGES:
        replies = [
            GateReply(str(number), language, text, True)
            for number, shown in enumerate(jokes)
            if shown.language == language
            for text in shown.texts
        ]
        found.append(ReplyFeatures(replies).variety)
    return fmean(found)
