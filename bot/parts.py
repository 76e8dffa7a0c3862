"""What handlers work with. `bot/app.py` puts it together; tests may as well."""
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import User

from bot.api import TelegramBot
from bot.bans import Bans
from bot.chats import Chats, Daily
from bot.engine.queue import FairQueue
from bot.engine.servers import Servers
from bot.handlers.albums import Albums
from bot.handlers.aside import Asides
from bot.handlers.buttons import JokeKeyboards
from bot.hands import Hands
from bot.joker import Joker
from bot.jokes.photo_intake import PhotoIntake
from bot.languages import Languages
from bot.latest import Latest
from bot.messaging.messenger import Messenger
from bot.names import Names
from bot.styles import Styles
from bot.words import Words
from configs.prompts import Prompts
from configs.settings import Settings
from storage.database import Database

if TYPE_CHECKING:
    from bot.loop.conductor import Conductor
    from bot.status import Status

DECODERS = 2
"""Photos decoded at the same time: a large one takes 200 MB while it is."""


@dataclass
class Parts:
    """The parts of a running bot."""

    settings: Settings
    database: Database
    prompts: Prompts
    words: Words
    languages: Languages
    chats: Chats
    daily: Daily
    messenger: Messenger
    keyboards: JokeKeyboards
    names: Names
    bans: Bans
    bot: TelegramBot
    hands: Hands
    joker_queue: FairQueue
    intake: PhotoIntake
    latest: Latest
    asides: Asides
    albums: Albums
    servers: Servers
    joker: Joker
    styles: Styles
    decoders: ThreadPoolExecutor
    conductor: "Conductor | None" = None
    status: "Status | None" = None

    def language(self, person: User | None) -> str:
        """The language to speak with somebody."""
        return self.languages.of(person)

    def joke_language(self, person: User | None, chat_id: int) -> str:
        """The language of a joke for them in that chat: the chat's, their own where there are prompts for it, else the one in the settings."""
        return self.chats.joke_language(chat_id, person)
