"""Failures on request: what a bot meets in real life, made when a test or a person asks for it."""

import random
from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import ApiError, SandboxError, too_many_requests

KINDS = ("429", "500", "502", "slow", "timeout", "cut", "cut_after")
TIMEOUT_DELAY_S = 60.0
REASONS = {"500": "Internal Server Error", "502": "Bad Gateway"}


@dataclass(slots=True)
class FaultRule:
    """A failure that is going to happen. `method` None: at any call; "download": at a file's download.

    429, 500, 502: that answer, and the call has no effect. slow: the right answer after `delay_s`. timeout: nothing for
    `delay_s`, then the connection is closed; no effect. cut: the connection is closed at once; no effect. cut_after:
    the call takes effect (of a download half is sent), then the connection is closed. `delay_s` goes before any of
    them.
    """

    method: str | None
    kind: str
    times: int | None
    retry_after: int
    delay_s: float
    probability: float
    random: random.Random

    def summary(self) -> dict[str, Any]:
        """What the page shows of it."""
        return {
            "method": self.method,
            "kind": self.kind,
            "times": self.times,
            "retry_after": self.retry_after,
            "delay_s": self.delay_s,
        }

    def refusal(self) -> ApiError | None:
        """The answer of a fault that answers."""
        if self.kind == "429":
            return too_many_requests(self.retry_after)
        return ApiError(REASONS[self.kind], int(self.kind)) if self.kind in REASONS else None


class FaultInjector:
    """The failures that are still to come, the oldest first."""

    def __init__(self) -> None:
        self.waiting: list[FaultRule] = []

    def add(
        self,
        method: str | None = None,
        kind: str = "500",
        times: int | None = 1,
        retry_after: int = 1,
        delay_s: float | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> FaultRule:
        """Fail the next `times` calls of `method` (None: of any), or, with a probability, that many drawn with `seed`;
        `times` None: until `clear`. Raises SandboxError for an unknown kind."""
        if kind not in KINDS:
            raise SandboxError(f"There is no fault {kind!r}; there are: {', '.join(KINDS)}.")
        delay = (TIMEOUT_DELAY_S if kind == "timeout" else 0.0) if delay_s is None else delay_s
        fault = FaultRule(
            None if method in (None, "", "*") else method,
            kind,
            times,
            retry_after,
            delay,
            probability,
            random.Random(seed),
        )
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """No more failures."""
        self.waiting.clear()

    def take(self, method: str) -> FaultRule | None:
        """The failure that this call meets, if any."""
        if not self.waiting:
            return None
        for fault in self.waiting:
            if (
                fault.method is None or fault.method.lower() == method.lower()
            ) and fault.random.random() < fault.probability:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.waiting.remove(fault)
                return fault
        return None
