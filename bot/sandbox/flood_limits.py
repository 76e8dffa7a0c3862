"""Telegram's limits on how fast a bot may talk (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits)."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.errors import too_many_requests

COUNTED = {
    "sendmessage",
    "sendphoto",
    "sendmediagroup",
    "senddocument",
    "sendchataction",
    "editmessagetext",
    "editmessagecaption",
    "editmessagereplymarkup",
    "editmessagemedia",
}
# A sender who keeps the limit to the millisecond must not be refused because the network bunched two calls.
TOLERANCE = 0.9


@dataclass(frozen=True)
class FloodLimits:
    """Calls that send or edit: over all chats per second, in a private chat per second, in a group per minute."""

    per_s: int = 30
    chat_per_s: int = 1
    group_per_min: int = 20


class FloodGuard:
    """Counts the calls of the last second and minute, and refuses with 429 what is too much."""

    def __init__(self, limits: FloodLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._recent: dict[int | None, deque[float]] = {}

    def check(self, method: str, chat_id: int) -> None:
        """Count one call. Raises Refusal 429 with the seconds until it would be allowed; a refused call counts not."""
        if method not in COUNTED:
            return
        now = self._clock()
        group = chat_id < 0
        windows = [
            (None, self.limits.per_s, 1.0),
            (chat_id, self.limits.group_per_min, 60.0) if group else (chat_id, self.limits.chat_per_s, 1.0),
        ]
        for key, most, window_s in windows:
            recent = self._recent.setdefault(key, deque())
            while recent and recent[0] <= now - window_s * TOLERANCE:
                recent.popleft()
            if len(recent) >= most:
                raise too_many_requests(max(1, math.ceil(recent[0] + window_s - now)))
        for key, _, _ in windows:
            self._recent[key].append(now)
