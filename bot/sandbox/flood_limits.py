"""Telegram's rate limits for bots (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits)."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.errors import too_many_requests

LIMITED_METHODS = {
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
TOLERANCE = 0.9
"""Windows are shortened to this share, so that network jitter between two calls refuses none."""


@dataclass(frozen=True)
class FloodLimits:
    """Maximum sends and edits: of all chats per second, of a private chat per second, of a group per minute."""

    per_s: int = 30
    chat_per_s: int = 1
    group_per_min: int = 20


class FloodGuard:
    """Counts the calls of the last second and minute and refuses calls over the limits."""

    def __init__(self, limits: FloodLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._recent: dict[int | None, deque[float]] = {}

    def check(self, method: str, chat_id: int) -> None:
        """Count one call. Raises ApiError 429, with the seconds to wait; a refused call is not counted."""
        if method not in LIMITED_METHODS:
            return
        now = self._clock()
        group = chat_id < 0
        windows = [
            (None, self.limits.per_s, 1.0),
            (chat_id, self.limits.group_per_min, 60.0) if group else (chat_id, self.limits.chat_per_s, 1.0),
        ]
        for key, limit, window_s in windows:
            recent = self._recent.setdefault(key, deque())
            while recent and recent[0] <= now - window_s * TOLERANCE:
                recent.popleft()
            if len(recent) >= limit:
                raise too_many_requests(max(1, math.ceil(recent[0] + window_s - now)))
        for key, _, _ in windows:
            self._recent[key].append(now)
