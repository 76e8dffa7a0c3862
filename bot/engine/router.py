"""Routes deliveries: to the champion, a canary (for a share of them), the base, or the next champion during a swap.

A hash of the canary's id and a key (the id of a user, a chat or a photo) decides, so the same key keeps its version.
In every rotation period (a day, for example) other keys get the canary, so that it gets its share among few users too.
"""

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.engine.client import EngineReply, OnText, SamplingParams
from storage.learning.models import Model


class JokeBackend(Protocol):
    """Answers requests for a model: an EngineClient, or a pool of servers."""

    async def ask(
        self,
        *,
        user: str,
        photo: bytes,
        media_type: str,
        sampling: SamplingParams,
        on_text: OnText | None = None,
    ) -> EngineReply:
        """As EngineClient.ask."""

    async def ready(self) -> bool:
        """Whether a request would be answered now."""


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model version that is served, and the backend that answers for it."""

    model: Model
    client: JokeBackend


class Router:
    """Chooses the version for each joke. `ModelServers` and `CanaryController` change its routes.

    `rotation_s` is the rotation period; 0 never rotates.
    """

    def __init__(
        self, champion: ServedModel, *, rotation_s: float = 0.0, clock: Callable[[], float] = time.time
    ) -> None:
        self.champion = champion
        self.canary: ServedModel | None = None
        self.share = 0.0
        """The canary's share of the deliveries, 0 to 1."""
        self.base: ServedModel | None = None
        """The base, while it is served beside the champion to measure what was learnt since."""
        self.base_share = 0.0
        """The base's share of the photos, 0 to 1, drawn anew for each."""
        self._incoming: tuple[ServedModel, float] | None = None
        self._rotation_s, self._clock = rotation_s, clock

    @property
    def served_models(self) -> list[ServedModel]:
        """All versions that get deliveries, the champion first."""
        further = [self.canary, self.base, self._incoming[0] if self._incoming else None]
        return list(dict.fromkeys([self.champion, *(arm for arm in further if arm)]))

    def route(self, key: int) -> ServedModel:
        """The version for a delivery to that user, chat or photo; the base for a random share of calls."""
        if self.base and random.random() < self.base_share:
            return self.base
        for arm, share in ((self.canary, self.share), self._incoming or (None, 0.0)):
            if arm and self._position(arm.model.id, key) < share:
                return arm
        return self.champion

    def fallback_for(self, arm: ServedModel) -> ServedModel | None:
        """The version to ask where this one failed: the champion; None if this is the champion."""
        return None if arm is self.champion else self.champion

    def served_model(self, model_id: int) -> ServedModel | None:
        """A version that gets deliveries, by its id; None where it gets none."""
        return next((arm for arm in self.served_models if arm.model.id == model_id), None)

    def set_champion(self, arm: ServedModel) -> None:
        """Route to it all deliveries that no canary gets. If it was the canary, the canary is cleared."""
        self.champion, self._incoming = arm, None
        if self.base and self.base.model.id == arm.model.id:
            self.clear_base()
        if self.canary and self.canary.model.id == arm.model.id:
            self.clear_canary()

    def set_canary(self, arm: ServedModel, share: float) -> None:
        """Give a version that share (0 to 1) of the deliveries. When the share grows, its keys keep it."""
        self.canary, self.share = arm, validated_share(share)

    def clear_canary(self) -> None:
        self.canary, self.share = None, 0.0

    def set_base(self, arm: ServedModel, share: float) -> None:
        """Give the base that share (0 to 1) of the photos, unless it has become the champion meanwhile."""
        if arm.model.id != self.champion.model.id:
            self.base, self.base_share = arm, validated_share(share)

    def clear_base(self) -> None:
        self.base, self.base_share = None, 0.0

    def set_incoming(self, arm: ServedModel, share: float) -> None:
        """During a swap: route this share of the deliveries that no canary gets to the next champion."""
        self._incoming = arm, validated_share(share)

    def clear_incoming(self) -> None:
        self._incoming = None

    def _position(self, model_id: int, key: int) -> float:
        """A key's position for a model in this rotation period: in [0, 1), uniform."""
        period = int(self._clock() // self._rotation_s) if self._rotation_s else 0
        digest = hashlib.blake2b(f"{model_id}:{key}:{period}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


def validated_share(share: float) -> float:
    """The share itself. Raises ValueError unless it is from 0 to 1."""
    if not 0 <= share <= 1:
        raise ValueError(f"a share is between 0 and 1, not {share}")
    return share
