"""Checks the punchlines that users write, and makes jokes of them."""

import re
import unicodedata

from telegram import Message
from telegram.constants import MessageEntityType

from bot.engine.chat_types import is_plausible_text
from bot.jokes.moderation import Moderator
from configs.blocklist import BlockList
from configs.prompts import Prompts
from configs.settings import Settings
from storage.chat.jokes import Joke, NewJoke
from storage.chat.punchlines import has_text
from storage.database import Database

MAX_LINES = 6
LINKS = (MessageEntityType.URL, MessageEntityType.TEXT_LINK, MessageEntityType.EMAIL)
"""Kinds of content that a punchline may not have: the bot would spread it in its own name."""
HAN, OTHER_CJK = re.compile("[\u3400-\u9fff\uf900-\ufaff]"), re.compile("[\u3040-\u30ff\uac00-\ud7af]")
LATIN = re.compile("[A-Za-z]")


class PunchlineWriter:
    """Punchlines by the settings: length, block list, and the admin's hook."""

    def __init__(self, database: Database, settings: Settings, prompts: Prompts, moderator: Moderator) -> None:
        self._database, self._prompts, self._moderator = database, prompts, moderator
        self._blocked, self.max_length = BlockList.of(settings.safety), settings.punchlines.max_length

    async def objection(self, message: Message, text: str, parent: Joke) -> str | None:
        """The key of the message that says why the text can't be shown in answer to `parent`; None if it can."""
        if not is_plausible_text(text):
            return "punchline-empty"
        if len(text) > self.max_length or text.count("\n") >= MAX_LINES:
            return "punchline-long"
        if any(entity.type in LINKS for entity in message.entities):
            return "punchline-link"
        if self._blocked.hit(text):
            return "punchline-declined"
        if await has_text(self._database, parent.photo_id, text):
            return "punchline-known"
        refusal = await self._moderator.check_punchline(text)
        return f"punchline-{refusal}" if refusal else None

    def make_joke(self, text: str, parent: Joke, author_id: int) -> NewJoke:
        """The joke of a text about the photo of `parent`, with the prompt to which the text would be an answer.

        That is the prompt of `parent` where the languages are the same, else one in the text's language.
        """
        language, style, prompt = self._language(text, parent.language), parent.style, parent.prompt
        if language != parent.language:
            styles, usual = self._prompts.language(language), self._prompts.language(parent.language).default
            style = parent.style if parent.style in styles.joke_styles and parent.style != usual else styles.default
            prompt = self._prompts.ask(language, style, parent.caption)
        return NewJoke(
            photo_id=parent.photo_id,
            model_id=None,
            person_id=author_id,
            language=language,
            style=style,
            caption=parent.caption,
            prompt=prompt,
            text=text,
            temperature=0.0,
            top_p=0.0,
            max_tokens=0,
            prompt_tokens=None,
            completion_tokens=None,
            latency_s=0.0,
        )

    def _language(self, text: str, expected: str) -> str:
        """The language of a text by its script; `expected` where that doesn't tell."""
        if OTHER_CJK.search(text):
            return expected
        found = "zh" if HAN.search(text) else "en" if LATIN.search(text) and expected == "zh" else expected
        return found if found in self._prompts.languages else expected


def clean_text(text: str) -> str:
    """A text in NFC without control and format characters and empty lines; lines have single spaces."""
    visible = "".join(
        character
        for character in unicodedata.normalize("NFC", text)
        if character in "\n\t\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return "\n".join(line for part in visible.splitlines() if (line := " ".join(part.split())))
