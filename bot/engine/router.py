"""Which model version answers: the champion, a canary on trial for a share of the deliveries, or the next champion during a swap.

Who gets a canary is decided by a hash of its id and a key (a person's, a chat's or a photo's number), so that the same
key keeps its version; with every turn (a day, say) other keys come to it, so that among few people too each has their share.
"""
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.engine.client import OnText, Reply, Sampling
from storage.models import Model


class Asks(Protocol):
    """What answers for a model: an EngineClient, or several servers behind one face."""

    async def ask(self, *, system: str, user: str, photo: bytes, media_type: str, sampling: Sampling,
                  on_text: OnText | None = None) -> Reply:
        """As EngineClient.ask."""

    async def ready(self) -> bool:
        """Whether a photo would be answered now."""


@dataclass(frozen=True, eq=False)
class Arm:
    """A model version that is served, and what to ask it with."""

    model: Model
    client: Asks


class Router:
    """Changed by `Servers` and by the canary; asked once for each joke. `turn_s` 0 keeps everybody's version for good."""

    def __init__(self, champion: Arm, *, turn_s: float = 0.0, clock: Callable[[], float] = time.time) -> None:
        self.champion = champion
        self.canary: Arm | None = None
        self.share = 0.0
        """The canary's share of the deliveries, 0 to 1."""
        self._incoming: tuple[Arm, float] | None = None
        self._turn_s, self._clock = turn_s, clock

    @property
    def arms(self) -> list[Arm]:
        """All versions that get deliveries, the champion first."""
        found = [self.champion, *([self.canary] if self.canary else []), *([self._incoming[0]] if self._incoming else [])]
        return [arm for place, arm in enumerate(found) if arm not in found[:place]]

    def route(self, key: int) -> Arm:
        """The version for a delivery to that person, chat or photo."""
        for arm, share in ((self.canary, self.share), self._incoming or (None, 0.0)):
            if arm and self._position(arm.model.id, key) < share:
                return arm
        return self.champion

    def fallback_for(self, arm: Arm) -> Arm | None:
        """Who answers a photo that this version couldn't answer: the champion, unless it is the one."""
        return None if arm is self.champion else self.champion

    def served_model(self, model_id: int) -> Arm | None:
        """The arm of a version that gets deliveries, or None."""
        return next((arm for arm in self.arms if arm.model.id == model_id), None)

    def set_champion(self, arm: Arm) -> None:
        """From now on it answers all that no canary takes; if it was the canary, there is none any more."""
        self.champion, self._incoming = arm, None
        if self.canary and self.canary.model.id == arm.model.id:
            self.clear_canary()

    def set_canary(self, arm: Arm, share: float) -> None:
        """Give a version that share (0 to 1) of the deliveries; a greater share later keeps those that had it."""
        self.canary, self.share = arm, checked(share)

    def clear_canary(self) -> None:
        self.canary, self.share = None, 0.0

    def set_incoming(self, arm: Arm, share: float) -> None:
        """During a swap: the next champion takes this share of what is left by the canary."""
        self._incoming = arm, checked(share)

    def clear_incoming(self) -> None:
        self._incoming = None

    def _position(self, model_id: int, key: int) -> float:
        """Where a key stands for a model, in [0, 1), evenly spread."""
        turn = int(self._clock() // self._turn_s) if self._turn_s else 0
        digest = hashlib.blake2b(f"{model_id}:{key}:{turn}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


def checked(share: float) -> float:
    if not 0 <= share <= 1:
        raise ValueError(f"a share is between 0 and 1, not {share}")
    return share
