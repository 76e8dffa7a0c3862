"""The daily limit of jokes in a chat."""

import time

from bot.chats.access_list import AccessList
from bot.chats.chat_settings import ChatSettingsStore
from storage.chat import chats
from storage.database import Database


class DailyQuota:
    """Counts the jokes of the day (this machine's date) in the database, for chats with a limit.

    A group may have set one, and unknown chats may have one by the settings (`limits_strangers`).
    """

    def __init__(self, database: Database, settings: ChatSettingsStore, access: AccessList) -> None:
        self._database, self._settings, self._access = database, settings, access
        self.limits_strangers = access.limits_strangers

    def limit(self, chat_id: int) -> int | None:
        """The most jokes a day in a chat; None for no limit."""
        limits = (self._settings.get(chat_id).daily, self._access.daily_limit(chat_id))
        return min((limit for limit in limits if limit is not None), default=None)

    async def is_full(self, chat_id: int, update_id: int) -> bool:
        """Whether no joke is left for an update. Cheap: it is called before a photo is downloaded."""
        limit = self.limit(chat_id)
        return limit is not None and await chats.is_quota_used_up(self._database, chat_id, update_id, today(), limit)

    async def reserve(self, chat_id: int, update_id: int) -> bool:
        """Count a joke before it is made; False where none is left."""
        limit = self.limit(chat_id)
        return limit is None or await chats.reserve_quota(self._database, chat_id, update_id, today(), limit)

    async def release(self, chat_id: int, update_id: int) -> None:
        """Undo `reserve`, because no joke was made."""
        if self.limit(chat_id) is not None:
            await chats.release_quota(self._database, update_id)

    async def should_notify(self, chat_id: int, update_id: int) -> bool:
        """Whether to tell the chat that today's jokes are used up: True for one update a day."""
        return await chats.claim_quota_notice(self._database, chat_id, update_id, today())


def today() -> str:
    """This machine's date as YYYY-MM-DD."""
    return time.strftime("%Y-%m-%d")
