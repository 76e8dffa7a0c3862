"""/best: the best liked jokes of a chat. /mine: a user's latest jokes and punchlines with their ratings."""

from bot.chats.bylines import Bylines
from bot.handlers.routes import IncomingMessage, Route, command
from bot.i18n.formatting import format_rating_counts
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import is_private
from bot.telegram.text import truncate_for_telegram
from storage.chat.best import MIN_RATINGS_IN_GROUPS, BestJoke, list_best_jokes, list_latest_jokes
from storage.database import Database

MAX_SHOWN = 5
MAX_JOKE_UNITS = 600
"""Longest shown joke in UTF-16 code units, so that all of them fit into one message."""


class BestJokeHandlers:
    """Lists jokes with their ratings."""

    def __init__(self, messenger: Messenger, database: Database, bylines: Bylines) -> None:
        self._messenger, self._database, self._bylines = messenger, database, bylines

    def routes(self) -> list[Route]:
        return [command("best", self.on_best), command("mine", self.on_mine)]

    async def on_best(self, incoming: IncomingMessage) -> None:
        """Show the best liked jokes of this chat only; other chats' jokes are private."""
        message = incoming.message
        minimum = 1 if is_private(message) else MIN_RATINGS_IN_GROUPS
        jokes = await list_best_jokes(self._database, message.chat.id, minimum=minimum, limit=MAX_SHOWN)
        await self._show(incoming, "best", jokes)

    async def on_mine(self, incoming: IncomingMessage) -> None:
        """Show the user's latest jokes; in a group only those delivered there."""
        message = incoming.message
        chat_id = None if is_private(message) else message.chat.id
        jokes = await list_latest_jokes(self._database, incoming.user.id, chat_id=chat_id, limit=MAX_SHOWN)
        await self._show(incoming, "mine", jokes)

    async def _show(self, incoming: IncomingMessage, name: str, jokes: list[BestJoke]) -> None:
        message = incoming.message
        if not jokes:
            await self._messenger.reply(message, f"{name}-none")
            return
        language = self._messenger.language(incoming.user)
        entries = [f"{number}. {await self._entry(joke, language)}" for number, joke in enumerate(jokes, 1)]
        title = self._messenger.text(incoming.user, f"{name}-title")
        await self._messenger.reply_text(message, "\n\n".join([title, *entries]))

    async def _entry(self, joke: BestJoke, language: str) -> str:
        """A joke, with its author where a user wrote it, and its ratings."""
        lines = [truncate_for_telegram(joke.text, max_units=MAX_JOKE_UNITS)]
        if joke.author_id is not None:
            lines.append(await self._bylines.line(joke.author_id, language))
        return "\n".join([*lines, format_rating_counts(joke.counts)]).rstrip()
