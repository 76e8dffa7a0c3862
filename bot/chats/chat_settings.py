"""What each chat has set: the language and style of its jokes, when it gets some, and how many a day."""

import random

from telegram import User

from bot.chats.languages import LanguagePreferences
from configs.prompts import Prompts
from storage.chat import chats
from storage.chat.chats import ChatSettings
from storage.database import Database

SURPRISE = "surprise"
"""In place of a style: another one each time."""


class ChatSettingsStore:
    """Settings are kept in the database; all of them are in memory as well, because every message in a group asks
    for some.
    """

    def __init__(
        self, database: Database, prompts: Prompts, languages: LanguagePreferences, kept: dict[int, ChatSettings]
    ) -> None:
        self._database, self._prompts, self._languages, self._kept = database, prompts, languages, kept

    @classmethod
    async def load(cls, database: Database, prompts: Prompts, languages: LanguagePreferences) -> "ChatSettingsStore":
        """With all that chats have set so far."""
        return cls(database, prompts, languages, await chats.all_chats(database))

    def of(self, chat_id: int) -> ChatSettings:
        """A chat's settings."""
        return self._kept.get(chat_id) or ChatSettings(chat_id)

    async def change(self, chat_id: int, **values: object) -> None:
        """Keep new values of some of a chat's settings (fields of `ChatSettings`)."""
        self._kept[chat_id] = await chats.change_chat(self._database, chat_id, **values)

    async def move(self, former_id: int, chat_id: int) -> None:
        """A group became a supergroup and has another id."""
        moved = await chats.move_chat(self._database, former_id, chat_id)
        self._kept.pop(former_id, None)
        if moved:
            self._kept[chat_id] = moved

    def forget(self, chat_id: int) -> None:
        """Drop the settings of a private chat that is deleted from the database."""
        self._kept.pop(chat_id, None)

    def joke_language(self, chat_id: int, person: User | None) -> str:
        """The language of a joke in that chat for that person."""
        chosen = self.of(chat_id).language
        return chosen if chosen in self._prompts.languages else self._languages.of_jokes(person)

    def joke_options(
        self, chat_id: int, user: User | None, wish: str | None = None
    ) -> tuple[ChatSettings, str, str | None]:
        """The chat's settings, and the language and style of the next joke there; style None for the usual one."""
        chat, language = self.of(chat_id), self.joke_language(chat_id, user)
        return chat, language, self.style(chat_id, language, wish) if wish or chat.style else None

    def spoken(self, chat_id: int, person: User | None = None) -> str:
        """The language to speak with all of a chat."""
        chat = self.of(chat_id)
        return self._languages.chosen(chat_id) or chat.language or chat.speaks or self._languages.of(person)

    def style(self, chat_id: int, language: str, wish: str | None = None) -> str | None:
        """The style of the next joke there: `wish`, else what the chat has set; None for the usual one."""
        on_offer, style = self._prompts.language(language).joke_styles, wish or self.of(chat_id).style
        if style == SURPRISE:
            return random.choice(on_offer)
        return style if style in on_offer else None
