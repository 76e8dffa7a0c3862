"""Notices that answers have to wait because nothing can be stored now: one for each chat and disturbance."""

import time
from collections.abc import Callable

from telegram import User
from telegram.error import TelegramError

from bot.messaging.messenger import Messenger
from bot.telegram.rate_limiter import CallDropped

QUIET_S = 600.0
"""A chat hears of a disturbance again this long after its last failed write."""
MAX_CHATS = 1024


class DelayNotices:
    """Sends the notices. They leave no record, since none can be written: a kill meanwhile may repeat one."""

    def __init__(self, messenger: Messenger, clock: Callable[[], float] = time.monotonic) -> None:
        self._messenger, self._clock = messenger, clock
        self._failed_at: dict[int, float] = {}

    async def tell(self, chat_id: int, user: User | None, quoted_id: int) -> None:
        """Tell a user that their message is answered later, unless the chat has heard it."""
        if not self._is_new(chat_id):
            return
        try:
            await self._messenger.send(
                chat_id, self._messenger.text(user, "storage-wait"), quoted_id=quoted_id, note=_no_record
            )
        except (TelegramError, CallDropped):
            del self._failed_at[chat_id]

    def _is_new(self, chat_id: int) -> bool:
        now, last = self._clock(), self._failed_at.pop(chat_id, None)
        if len(self._failed_at) >= MAX_CHATS:
            self._failed_at = {chat: at for chat, at in self._failed_at.items() if now - at < QUIET_S}
        self._failed_at[chat_id] = now
        return last is None or now - last >= QUIET_S


async def _no_record(message_id: int) -> None:
    """The replies of an update are recorded by number; a notice is none of them."""
