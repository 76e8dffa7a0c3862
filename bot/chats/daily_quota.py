"""The daily limit of jokes in a chat."""

import time

from bot.chats.chat_settings import ChatSettingsStore
from storage.chat import chats
from storage.database import Database


class DailyQuota:
    """Counts the jokes of the day (this machine's date) in the database, for chats that have set a limit."""

    def __init__(self, database: Database, settings: ChatSettingsStore) -> None:
        self._database, self._settings = database, settings

    async def is_full(self, chat_id: int, update_id: int) -> bool:
        """Whether no joke is left for an update. Cheap: it is called before a photo is downloaded."""
        limit = self._settings.get(chat_id).daily
        return limit is not None and await chats.is_quota_used_up(self._database, chat_id, update_id, today(), limit)

    async def reserve(self, chat_id: int, update_id: int) -> bool:
        """Count a joke before it is made; False where none is left."""
        limit = self._settings.get(chat_id).daily
        return limit is None or await chats.reserve_quota(self._database, chat_id, update_id, today(), limit)

    async def release(self, chat_id: int, update_id: int) -> None:
        """Undo `reserve`, because no joke was made."""
        if self._settings.get(chat_id).daily is not None:
            await chats.release_quota(self._database, update_id)

    async def should_notify(self, chat_id: int, update_id: int) -> bool:
        """Whether to tell the chat that today's jokes are used up: True for one update a day."""
        return await chats.claim_quota_notice(self._database, chat_id, update_id, today())


def today() -> str:
    """This machine's date as YYYY-MM-DD."""
    return time.strftime("%Y-%m-%d")
