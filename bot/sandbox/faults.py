"""Injected faults: errors, delays and closed connections at Bot API calls, on request of a test or the page."""

import random
from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import ApiError, SandboxError, too_many_requests

TIMEOUT_DELAY_S = 60.0
REASONS = {"500": "Internal Server Error", "502": "Bad Gateway"}
REFUSALS = {
    "no_rights": "not enough rights to send text messages to the chat",
    "write_forbidden": "CHAT_WRITE_FORBIDDEN",
    "restricted": "CHAT_RESTRICTED",
    "topic_closed": "TOPIC_CLOSED",
    "not_found": "chat not found",
}
"""Descriptions of the 400s that say that the bot may not write."""
KINDS = ("429", *REASONS, *REFUSALS, "slow", "timeout", "cut", "cut_after")


@dataclass(slots=True)
class FaultRule:
    """A fault to inject. `method` None: at any call; "download": at a file's download.

    `delay_s` passes before each kind of fault:
    429, 500, 502: this HTTP status; the call has no effect.
    no_rights, write_forbidden, restricted, topic_closed, not_found: 400 with the description in REFUSALS.
    slow: the usual answer.
    timeout, cut: the connection is closed; the call has no effect.
    cut_after: the call takes effect (a download sends half its bytes), then the connection is closed.
    """

    method: str | None
    kind: str
    times: int | None
    retry_after: int
    delay_s: float
    probability: float
    random: random.Random

    def summary(self) -> dict[str, Any]:
        """The fault as the control API shows it."""
        return {
            "method": self.method,
            "kind": self.kind,
            "times": self.times,
            "retry_after": self.retry_after,
            "delay_s": self.delay_s,
        }

    def refusal(self) -> ApiError | None:
        """The error to answer; None for a kind without an answer of its own."""
        if self.kind == "429":
            return too_many_requests(self.retry_after)
        if self.kind in REFUSALS:
            return ApiError(REFUSALS[self.kind])
        return ApiError(REASONS[self.kind], int(self.kind)) if self.kind in REASONS else None


class FaultInjector:
    """The faults still to inject, oldest first."""

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
        """Add a fault for `times` calls of `method` (None: any); `times` None: until `clear`.

        Each matching call fails with `probability`, drawn with `seed`. Raises SandboxError for an unknown kind.
        """
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
        """Remove all faults."""
        self.waiting.clear()

    def next_fault(self, method: str) -> FaultRule | None:
        """The fault to inject into this call, if any; counts it as used."""
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
