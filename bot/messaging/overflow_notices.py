"""When a user sends more photos than they may have in work: one message for the whole burst, which counts on."""

import time
from dataclasses import dataclass

from telegram import Message

from bot.messaging.messenger import Messenger
from bot.telegram.coalescer import Coalescer
from bot.telegram.rate_limiter import Priority

BURST_S = 60.0
"""A photo that comes longer after the last one that was set aside gets a message of its own."""
MANY_BURSTS = 256


@dataclass
class OverflowBurst:
    """Photos of one user in one chat that were set aside; `message_id` is the message that says so."""

    aside: int = 0
    last_at: float = 0.0
    message_id: int | None = None


class OverflowNotices:
    """All bursts under way. `limit` is how many photos one user may have in work."""

    def __init__(self, messenger: Messenger, latest: Coalescer, limit: int) -> None:
        self._messenger, self._latest, self._limit = messenger, latest, limit
        self._bursts: dict[tuple[int, int], OverflowBurst] = {}

    def set_aside(self, message: Message) -> None:
        """Count a photo, and let its sender know, soon."""
        now, key = time.monotonic(), (message.chat.id, message.from_user.id if message.from_user else 0)
        if len(self._bursts) >= MANY_BURSTS:
            self._bursts = {key: burst for key, burst in self._bursts.items() if now - burst.last_at < BURST_S}
        burst = self._bursts.get(key)
        if burst is None or now - burst.last_at >= BURST_S:
            burst = self._bursts[key] = OverflowBurst()
        burst.aside, burst.last_at = burst.aside + 1, now
        self._latest.submit(("aside", *key), lambda: self._show(message, burst))

    async def _show(self, message: Message, burst: OverflowBurst) -> None:
        text = self._messenger.text(message.from_user, "queue-mine-aside", limit=self._limit, aside=burst.aside)
        chat_id = message.chat.id
        if burst.message_id is None:
            burst.message_id = await self._messenger.send(chat_id, text, quoted_id=message.message_id)
        else:
            await self._messenger.edit(chat_id, burst.message_id, text, priority=Priority.NORMAL)
