"""Loads what the bot knows of users and chats: languages, settings, bans, names, and who may use it."""

from dataclasses import dataclass

from bot.chats.access_list import AccessList
from bot.chats.bans import BanList
from bot.chats.bylines import Bylines
from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.languages import LanguagePreferences
from bot.chats.user_names import UserNames
from bot.i18n.translator import Translator
from configs.blocklist import BlockList
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
    bylines: Bylines

    @classmethod
    async def load(
        cls, settings: Settings, database: Database, translator: Translator, prompts: Prompts
    ) -> "ChatParts":
        """With everything that the database has."""
        admins, names = settings.telegram.admins, UserNames(database)
        languages = await LanguagePreferences.load(database, translator, prompts, settings.joke.language)
        return cls(
            languages,
            await ChatSettingsStore.load(database, prompts, languages),
            await BanList.load(database, admins),
            names,
            await AccessList.load(database, settings.access, admins),
            Bylines(database, names, translator, BlockList.of(settings.safety)),
        )
