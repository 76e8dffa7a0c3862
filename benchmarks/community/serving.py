"""What the bot shows: the router's model writes candidates, and the product's choice picks one."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.community.registry import Registry
from benchmarks.community.world import Photo, TableModel, World
from bot.engine.router import Router
from bot.jokes.candidate_choice import RECENT_JOKES, chance_share, choose


class Scorer(Protocol):
    """What chooses among candidates. `bound` is the lower confidence bound of its accuracy."""

    bound: float

    def score(self, texts: Sequence[Sequence[str]], photos: Sequence[Photo]) -> list[list[float]]:
        """P(liked) of the candidates of each photo."""


@dataclass(frozen=True)
class ChosenText:
    """A text to show and the others; `propensity` and `random` as in the product's `Choice`."""

    text: str
    others: tuple[str, ...] = ()
    propensity: float = 1.0
    random: bool = False
    score: float | None = None


class Serving:
    """Writes and chooses the jokes of an arm; `scorer` is None while no judge is usable."""

    def __init__(self, world: World, registry: Registry, router: Router, candidates: int, random_share: float) -> None:
        self._world, self._registry, self._router = world, registry, router
        self._candidates, self._random_share = candidates, random_share
        self.scorer: Scorer | None = None
        self._recent = {chat: deque[str](maxlen=RECENT_JOKES) for chat in world.members}

    @property
    def candidates(self) -> int:
        """Texts for a photo: 1 until there is a judge."""
        return self._candidates if self.scorer else 1

    def write(self, photo: Photo, model_id: int, random: np.random.Generator) -> ChosenText:
        """A model's text for a photo, which counts as shown."""
        texts = self._world.write(self._registry.tables[model_id], photo, self.candidates, random)
        (scores,) = self._score([texts], [photo])
        return self._choose(photo, texts, scores, self._recent, random)

    def write_many(self, photos: Sequence[Photo], random: np.random.Generator) -> list[str]:
        """The text about each photo that would be shown now, one photo after the other; nothing counts as shown."""
        recent = {chat: texts.copy() for chat, texts in self._recent.items()}
        texts = [self._world.write(self._model(photo), photo, self.candidates, random) for photo in photos]
        scored = zip(photos, texts, self._score(texts, photos), strict=True)
        return [self._choose(photo, some, values, recent, random).text for photo, some, values in scored]

    def _score(self, texts: Sequence[Sequence[str]], photos: Sequence[Photo]) -> list[list[float]]:
        return self.scorer.score(texts, photos) if self.scorer else [[0.0] * len(some) for some in texts]

    def _model(self, photo: Photo) -> TableModel:
        return self._registry.tables[self._router.route(photo.id).model.id]

    def _choose(
        self,
        photo: Photo,
        texts: Sequence[str],
        scores: Sequence[float],
        recent: Mapping[int, deque[str]],
        random: np.random.Generator,
    ) -> ChosenText:
        if len(texts) == 1:
            return ChosenText(texts[0])
        shown = recent[photo.chat_id]
        share = chance_share(self._random_share, self.scorer.bound if self.scorer else 0.5)
        choice = choose(scores, texts, list(shown), random, share)
        shown.appendleft(texts[choice.index])
        others = tuple(text for index, text in enumerate(texts) if index != choice.index)
        return ChosenText(texts[choice.index], others, choice.propensity, choice.random, float(scores[choice.index]))
