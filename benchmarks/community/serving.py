"""What the bot shows: the router's model writes candidates, and the product's choice picks one."""

from collections.abc import Sequence

import numpy as np

from benchmarks.community.registry import Registry
from benchmarks.community.world import Photo, World
from bot.engine.router import Router


class Serving:
    """Writes the jokes of an arm without a judge."""

    def __init__(self, world: World, registry: Registry, router: Router) -> None:
        self._world, self._registry, self._router = world, registry, router

    def write(self, photo: Photo, model_id: int, random: np.random.Generator) -> str:
        """A model's text about a photo."""
        (text,) = self._world.write(self._registry.tables[model_id], photo, 1, random)
        return text

    def write_many(self, photos: Sequence[Photo], random: np.random.Generator) -> list[str]:
        """The text about each photo, by the model that would answer it now."""
        return [self.write(photo, self._router.route(photo.id).model.id, random) for photo in photos]
