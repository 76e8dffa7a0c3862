"""The author's name under users' punchlines, wherever jokes are shown."""

from bot.chats.user_names import UserNames
from bot.i18n.translator import Translator
from configs.blocklist import BlockList
from storage.chat.consent import is_private
from storage.chat.jokes import Joke
from storage.database import Database


class Bylines:
    """Texts of jokes as chats see them. Private users and names that match the block list are not shown."""

    def __init__(self, database: Database, names: UserNames, translator: Translator, blocked: BlockList) -> None:
        self._database, self._names, self._translator, self._blocked = database, names, translator, blocked

    async def shown_text(self, joke: Joke, language: str) -> str:
        """A joke's text, with the author's name under a punchline. `language`: of the line with the name."""
        return await self.with_author(joke.text, joke.author_id, language)

    async def with_author(self, text: str, author_id: int | None, language: str) -> str:
        """A text with its author's name; the text alone without an author."""
        return text if author_id is None else f"{text}\n\n{await self.line(author_id, language)}"

    async def line(self, author_id: int, language: str) -> str:
        """The line that names an author, or says that a user of the chat wrote it."""
        name = await self._shown_name(author_id)
        if name is None:
            return self._translator.format(language, "punchline-unnamed")
        return self._translator.format(language, "punchline-by", author=name)

    async def name(self, author_id: int, language: str) -> str:
        """An author's name, or that a user of the chat is meant."""
        return await self._shown_name(author_id) or self._translator.format(language, "punchline-member")

    async def _shown_name(self, author_id: int) -> str | None:
        name = None if await is_private(self._database, author_id) else await self._names.get(author_id)
        return None if name is None or self._blocked.hit(name.name) else name.name
