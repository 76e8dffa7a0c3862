"""Notices to a user who sends more photos than they may have in work: one message for a burst, with a running count."""

import time
from dataclasses import dataclass

from telegram import Message

from bot.messaging.messenger import Messenger
from bot.telegram.coalescer import Coalescer
from bot.telegram.rate_limiter import Priority

BURST_S = 60.0
"""A photo that comes longer after the previous rejected one begins a new burst."""
MAX_BURSTS = 256
"""Bursts in memory before expired ones are dropped."""


@dataclass
class OverflowBurst:
    """Rejected photos of one user in one chat; `message_id` is the notice's message."""

    photos: int = 0
    last_at: float = 0.0
    message_id: int | None = None


class OverflowNotices:
    """Counts rejected photos and shows the counts. `limit` is how many photos a user may have in work."""

    def __init__(self, messenger: Messenger, coalescer: Coalescer, limit: int) -> None:
        self._messenger, self._coalescer, self._limit = messenger, coalescer, limit
        self._bursts: dict[tuple[int, int], OverflowBurst] = {}

    def add_photo(self, message: Message) -> None:
        """Count a rejected photo, and schedule the notice to its sender."""
        now, key = time.monotonic(), (message.chat.id, message.from_user.id if message.from_user else 0)
        if len(self._bursts) >= MAX_BURSTS:
            self._bursts = {key: burst for key, burst in self._bursts.items() if now - burst.last_at < BURST_S}
        burst = self._bursts.get(key)
        if burst is None or now - burst.last_at >= BURST_S:
            burst = self._bursts[key] = OverflowBurst()
        burst.photos, burst.last_at = burst.photos + 1, now
        self._coalescer.submit(("aside", *key), lambda: self._show(message, burst))

    async def _show(self, message: Message, burst: OverflowBurst) -> None:
        text = self._messenger.text(message.from_user, "queue-mine-aside", limit=self._limit, aside=burst.photos)
        chat_id = message.chat.id
        if burst.message_id is None:
            burst.message_id = await self._messenger.send(chat_id, text, quoted_id=message.message_id)
        else:
            await self._messenger.edit(chat_id, burst.message_id, text, priority=Priority.NORMAL)
