"""Loads what the bot knows of users and chats: languages, settings, bans, names, and who may use it."""

from dataclasses import dataclass

from bot.chats.access_list import AccessList
from bot.chats.bans import BanList
from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.languages import LanguagePreferences
from bot.chats.user_names import UserNames
from bot.i18n.translator import Translator
from configs.prompts import Prompts
from configs.settings import Settings
from storage.database import Database


@dataclass(frozen=True)
class ChatParts:
    """The parts that are cached in memory, each loaded from the database."""

    languages: LanguagePreferences
    settings: ChatSettingsStore
    bans: BanList
    names: UserNames
    access: AccessList

    @classmethod
    async def load(
        cls, settings: Settings, database: Database, translator: Translator, prompts: Prompts
    ) -> "ChatParts":
        """With everything that the database has."""
        admins = settings.telegram.admins
        languages = await LanguagePreferences.load(database, translator, prompts, settings.joke.language)
        return cls(
            languages,
            await ChatSettingsStore.load(database, prompts, languages),
            await BanList.load(database, admins),
            UserNames(database),
            await AccessList.load(database, settings.access, admins),
        )
