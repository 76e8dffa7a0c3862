"""How many jokes a chat gets a day."""

import time

from bot.chats.chat_settings import ChatSettingsStore
from storage.chat import chats
from storage.database import Database


class DailyQuota:
    """Counts the jokes of the day (this machine's date) in chats that have set a limit, in the database."""

    def __init__(self, database: Database, settings: ChatSettingsStore) -> None:
        self._database, self._settings = database, settings

    async def is_full(self, chat_id: int, update_id: int) -> bool:
        """Whether no joke is left for an update. Cheap: it is called before a photo is downloaded."""
        limit = self._settings.of(chat_id).daily
        return limit is not None and await chats.is_quota_used_up(self._database, chat_id, update_id, today(), limit)

    async def take(self, chat_id: int, update_id: int) -> bool:
        """Take one of today's jokes, before it is made; False where none is left."""
        limit = self._settings.of(chat_id).daily
        return limit is None or await chats.reserve_quota(self._database, chat_id, update_id, today(), limit)

    async def give_back(self, chat_id: int, update_id: int) -> None:
        """Return what `take` took: no joke was made."""
        if self._settings.of(chat_id).daily is not None:
            await chats.release_quota(self._database, update_id)

    async def is_news(self, chat_id: int, update_id: int) -> bool:
        """Whether to tell the chat that today's jokes are used up: once a day."""
        return await chats.claim_quota_notice(self._database, chat_id, update_id, today())


def today() -> str:
    """This machine's date as YYYY-MM-DD."""
    return time.strftime("%Y-%m-%d")
