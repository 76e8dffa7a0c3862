"""Who is an administrator of a group, as Telegram says; cached, because members may press buttons often."""

import time
from collections import OrderedDict
from collections.abc import Callable

from telegram.constants import ChatMemberStatus
from telegram.error import BadRequest

from bot.telegram.client import TelegramClient

ADMINS = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
CACHE_S = 60.0
"""A user who becomes an administrator, or ceases to be one, is treated as such after at most this time."""
MAX_CACHED = 4096


class GroupAdmins:
    """Answers from the cache, else from Telegram."""

    def __init__(self, client: TelegramClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._cached: OrderedDict[tuple[int, int], tuple[float, bool]] = OrderedDict()

    async def is_administrator(self, chat_id: int, user_id: int) -> bool:
        """Whether a user is an administrator of a group. Raises TelegramError."""
        key, now = (chat_id, user_id), self._clock()
        cached = self._cached.get(key)
        if cached and now - cached[0] < CACHE_S:
            return cached[1]
        is_admin = await is_administrator(self._client, chat_id, user_id)
        self._cached[key] = now, is_admin
        self._cached.move_to_end(key)
        if len(self._cached) > MAX_CACHED:
            self._cached.popitem(last=False)
        return is_admin


async def is_administrator(client: TelegramClient, chat_id: int, user_id: int) -> bool:
    """As the method, without the cache. Raises TelegramError."""
    try:
        return (await client.get_chat_member(chat_id, user_id)).status in ADMINS
    except BadRequest:  # members can be hidden from bots, administrators can't
        return any(member.user.id == user_id for member in await client.get_chat_administrators(chat_id))
