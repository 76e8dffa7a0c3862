"""Which language is spoken with whom: the one they chose with /language, else the one of their Telegram app."""

from telegram import User

from bot.i18n.translator import Translator
from configs.prompts import Prompts
from storage.chat.languages import all_languages, set_language
from storage.database import Database


class LanguagePreferences:
    """Choices are kept in the database; all of them are in memory as well, because every answer asks for one."""

    def __init__(self, words: Translator, prompts: Prompts, for_jokes: str, chosen: dict[int, str]) -> None:
        self._words, self._prompts, self._for_jokes, self._chosen = words, prompts, for_jokes, chosen

    @classmethod
    async def load(
        cls, database: Database, words: Translator, prompts: Prompts, for_jokes: str
    ) -> "LanguagePreferences":
        """With all choices made so far. `for_jokes` is the language of jokes for people whose own has no prompts."""
        return cls(words, prompts, for_jokes, await all_languages(database))

    def of(self, person: User | None) -> str:
        """The language to speak with somebody."""
        return self._words.language(self._code(person))

    def of_jokes(self, person: User | None) -> str:
        """The language of their jokes: their own where there are prompts for it, else the one in the settings."""
        primary = self._code(person).replace("_", "-").split("-")[0].lower()
        return primary if primary in self._prompts.languages else self._for_jokes

    def chosen(self, person_id: int) -> str | None:
        """What they chose; None where they follow their app."""
        return self._chosen.get(person_id)

    async def choose(self, database: Database, person_id: int, language: str | None) -> None:
        """Keep somebody's choice; None lets them follow their app again."""
        await set_language(database, person_id, language)
        self.forget(person_id)
        if language is not None:
            self._chosen[person_id] = language

    def forget(self, person_id: int) -> None:
        """Drop the choice of somebody who is deleted from the database."""
        self._chosen.pop(person_id, None)

    def _code(self, person: User | None) -> str:
        return (self._chosen.get(person.id) or person.language_code or "") if person else ""
