"""The language of each user: chosen with /language, else that of their Telegram app."""

from telegram import User

from bot.i18n.translator import Translator
from configs.prompts import Prompts
from storage.chat.languages import all_languages, set_language
from storage.database import Database


class LanguagePreferences:
    """Choices are stored in the database and cached in memory, because every reply needs one.

    `joke_default` is the language of jokes for users whose own language has no prompts.
    """

    def __init__(self, translator: Translator, prompts: Prompts, joke_default: str, chosen: dict[int, str]) -> None:
        self._translator, self._prompts, self._joke_default, self._chosen = translator, prompts, joke_default, chosen

    @classmethod
    async def load(
        cls, database: Database, translator: Translator, prompts: Prompts, joke_default: str
    ) -> "LanguagePreferences":
        """With all choices from the database."""
        return cls(translator, prompts, joke_default, await all_languages(database))

    def language_for(self, user: User | None) -> str:
        """The language of texts for a user."""
        return self._translator.language(self._code(user))

    def joke_language_for(self, user: User | None) -> str:
        """The language of a user's jokes: their own where there are prompts for it, else the configured one."""
        primary = self._code(user).replace("_", "-").split("-")[0].lower()
        return primary if primary in self._prompts.languages else self._joke_default

    def chosen(self, user_id: int) -> str | None:
        """The language that a user chose; None where they follow their app."""
        return self._chosen.get(user_id)

    async def choose(self, database: Database, user_id: int, language: str | None) -> None:
        """Store a user's choice; None makes them follow their app again."""
        await set_language(database, user_id, language)
        self.forget(user_id)
        if language is not None:
            self._chosen[user_id] = language

    def forget(self, user_id: int) -> None:
        """Drop the cached choice of a user who is deleted from the database."""
        self._chosen.pop(user_id, None)

    def _code(self, user: User | None) -> str:
        return (self._chosen.get(user.id) or user.language_code or "") if user else ""
