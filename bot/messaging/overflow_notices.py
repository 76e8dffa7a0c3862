"""When somebody sends more photos than they may have in work: one message for the whole burst, which counts on."""

import time
from dataclasses import dataclass

from telegram import Message

from bot.chats.languages import LanguagePreferences
from bot.i18n.translator import Translator
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from bot.telegram.rate_limiter import Priority
from bot.telegram.text import NO_PREVIEW, reply_to

BURST_S = 60.0
"""A photo that comes longer after the last one that was set aside gets a message of its own."""
MANY_BURSTS = 256


@dataclass
class OverflowBurst:
    """Photos of one person in one chat that were set aside; `message_id` is the message that says so."""

    aside: int = 0
    last_at: float = 0.0
    message_id: int | None = None


class OverflowNotices:
    """All bursts under way. `most` is how many photos one person may have in work."""

    def __init__(
        self, bot: TelegramClient, words: Translator, languages: LanguagePreferences, latest: Coalescer, most: int
    ) -> None:
        self._bot, self._words, self._languages, self._latest, self._most = bot, words, languages, latest, most
        self._bursts: dict[tuple[int, int], OverflowBurst] = {}

    def set_aside(self, message: Message) -> None:
        """Count a photo, and let its sender know, soon."""
        now, key = time.monotonic(), (message.chat.id, message.from_user.id if message.from_user else 0)
        if len(self._bursts) >= MANY_BURSTS:
            self._bursts = {one: burst for one, burst in self._bursts.items() if now - burst.last_at < BURST_S}
        burst = self._bursts.get(key)
        if burst is None or now - burst.last_at >= BURST_S:
            burst = self._bursts[key] = OverflowBurst()
        burst.aside, burst.last_at = burst.aside + 1, now
        self._latest.put(("aside", *key), lambda: self._show(message, burst))

    async def _show(self, message: Message, burst: OverflowBurst) -> None:
        text = self._words.say(
            self._languages.of(message.from_user), "queue-mine-aside", limit=self._most, aside=burst.aside
        )
        if burst.message_id is None:
            sent = await self._bot.send_message(
                message.chat.id,
                text,
                reply_parameters=reply_to(message.message_id),
                link_preview_options=NO_PREVIEW,
                rate_limit_args=Priority.NORMAL,
            )
            burst.message_id = sent.message_id
        else:
            await self._bot.edit_message_text(text, message.chat.id, burst.message_id, rate_limit_args=Priority.NORMAL)
