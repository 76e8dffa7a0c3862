"""A panel of fresh photos: what the bot would show about them now, without learning from it."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.community.liking import entropy
from benchmarks.community.world import SHAPES, Photo, shape_of

if TYPE_CHECKING:
    from benchmarks.community.simulation import Simulation

FIRST_DAY = 100_000
"""Photos of the panel are those of days that no simulation reaches."""
WARM_UP, PHOTOS = 400, 1600
"""Photos that fill the chats' latest jokes, and photos that are measured."""


@dataclass(frozen=True)
class PanelResult:
    """Measures of the shown jokes: exact liking, entropy of shapes (nats), commonest text's share, words a joke."""

    liking: float
    entropy: float
    commonest_text: float
    length: float


def panel_photos(simulation: "Simulation") -> list[Photo]:
    """The panel's photos: the same for every arm and day."""
    photos: list[Photo] = []
    while len(photos) < WARM_UP + PHOTOS:
        photos += simulation.world.photos_of_day(FIRST_DAY + len(photos) // simulation.world.size.photos)
    return photos[: WARM_UP + PHOTOS]


def measure_panel(simulation: "Simulation") -> PanelResult:
    """Show jokes about the panel's photos by the simulation's present models and judge, and measure them."""
    random = np.random.default_rng([simulation.world.seed, FIRST_DAY])
    shapes, texts, likings = np.zeros(SHAPES), [], []
    history = {chat: shown.copy() for chat, shown in simulation.history.items()}
    photos = panel_photos(simulation)
    for number, (photo, text) in enumerate(zip(photos, simulation.serving.write_many(photos, random), strict=True)):
        shape, shown = shape_of(text), history[photo.chat_id]
        if number >= WARM_UP:
            shapes[shape] += 1
            texts.append(text)
            likings.append(simulation.world.liking(photo, text, shape in shown))
        shown.append(shape)
    return PanelResult(
        float(np.nanmean(likings)),
        entropy(shapes),
        Counter(texts).most_common(1)[0][1] / len(texts),
        float(np.mean([len(text.split()) for text in texts])),
    )
