"""The gate in a simulation: the product's measures of variety, on new jokes by table models.

The gate's other checks read pictures and weights, or broken text, which a table can't write.
"""

from typing import Any

import numpy as np

from benchmarks.community.world import Photo, TableModel, World
from configs.learning import GateSettings
from trainer.gate.collapse import compare_variety
from trainer.gate.replies import GateReply

LANGUAGE = "en"
FIRST_DAY, PHOTOS = 200_000, 100
"""The gate's photos are those of days that nothing else reaches; a chat of this size has about 100 held-out ones."""


class VarietyGate:
    """Compares candidates with the base; each writes the gate's number of jokes."""

    def __init__(self, world: World) -> None:
        self._world, self._settings = world, GateSettings()
        self._photos: list[Photo] = []
        while len(self._photos) < PHOTOS:
            self._photos += world.photos_of_day(FIRST_DAY + len(self._photos))
        self._base = self._replies(TableModel.base(), 0)

    def verdict(self, candidate: TableModel, run_id: int) -> dict[str, Any]:
        """The verdict: a candidate is rejected if a measure of its jokes is beyond its limit."""
        measures = compare_variety(self._base, self._base, self._replies(candidate, run_id), [LANGUAGE], self._settings)
        codes = [name for name, measure in measures.items() if measure["harm"]]
        return {"answer": "reject" if codes else "promote", "reasons": codes, "codes": codes}

    def _replies(self, model: TableModel, run_id: int) -> list[GateReply]:
        random = np.random.default_rng([self._world.seed, FIRST_DAY, run_id])
        photos = [self._photos[number % PHOTOS] for number in range(self._settings.replies_per_language)]
        return [
            GateReply(str(photo.id), LANGUAGE, self._world.write(model, photo, 1, random)[0], True) for photo in photos
        ]
