"""Settings of chats: language and style of the jokes, the photos that get one, and how many a day."""

import random

from telegram import User

from bot.chats.languages import LanguagePreferences
from bot.telegram.senders import is_chat_sender
from configs.prompts import Prompts
from storage.chat import chats
from storage.chat.chats import ChatSettings
from storage.database import Database

SURPRISE = "surprise"
"""In place of a style: a random one each time."""


class ChatSettingsStore:
    """Settings are stored in the database and cached in memory, because every message in a group needs some."""

    def __init__(
        self, database: Database, prompts: Prompts, languages: LanguagePreferences, cached: dict[int, ChatSettings]
    ) -> None:
        self._database, self._prompts, self._languages, self._cached = database, prompts, languages, cached

    @classmethod
    async def load(cls, database: Database, prompts: Prompts, languages: LanguagePreferences) -> "ChatSettingsStore":
        """With the settings of all chats from the database."""
        return cls(database, prompts, languages, await chats.all_chats(database))

    def get(self, chat_id: int) -> ChatSettings:
        """A chat's settings; the defaults for a chat that has changed none."""
        return self._cached.get(chat_id) or ChatSettings(chat_id)

    async def change(self, chat_id: int, **values: object) -> None:
        """Store new values of some settings of a chat (fields of `ChatSettings`)."""
        self._cached[chat_id] = await chats.change_chat(self._database, chat_id, **values)

    async def move(self, former_id: int, chat_id: int) -> None:
        """Move the settings of a group that has become a supergroup and has a new id."""
        moved = await chats.move_chat(self._database, former_id, chat_id)
        self._cached.pop(former_id, None)
        if moved:
            self._cached[chat_id] = moved

    def forget(self, chat_id: int) -> None:
        """Drop the cached settings of a private chat that is deleted from the database."""
        self._cached.pop(chat_id, None)

    def joke_language(self, chat_id: int, user: User | None) -> str:
        """The language of a joke for that user in that chat."""
        chat = self.get(chat_id)
        chosen = chat.language or (chat.speaks if chat.speaks and is_chat_sender(user) else None)
        return chosen if chosen in self._prompts.languages else self._languages.joke_language_for(user)

    def group_language(self, chat_id: int) -> str:
        """The language of a joke in a group that no user asked for."""
        chat = self.get(chat_id)
        chosen = chat.language or chat.speaks
        return chosen if chosen in self._prompts.languages else self._languages.joke_language_for(None)

    def joke_options(
        self, chat_id: int, user: User | None, requested: str | None = None
    ) -> tuple[ChatSettings, str, str | None]:
        """The chat's settings, and language and style of its next joke; style None for the language's default."""
        chat, language = self.get(chat_id), self.joke_language(chat_id, user)
        return chat, language, self.next_style(chat_id, language, requested) if requested or chat.style else None

    def chat_language(self, chat_id: int, user: User | None = None) -> str:
        """The language of texts for all members of a chat; that of `user` where the chat has none."""
        return self.chosen_language(chat_id) or self._languages.language_for(user)

    def chosen_language(self, chat_id: int) -> str | None:
        """The language of texts for all members of a chat, as chosen there; None where nothing is chosen."""
        chat = self.get(chat_id)
        return self._languages.chosen(chat_id) or chat.language or chat.speaks

    def next_style(self, chat_id: int, language: str, requested: str | None = None) -> str | None:
        """The style of the chat's next joke: `requested`, else the chat's; None for the language's default."""
        styles, style = self._prompts.language(language).joke_styles, requested or self.get(chat_id).style
        if style == SURPRISE:
            return random.choice(styles)
        return style if style in styles else None
