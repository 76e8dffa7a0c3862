"""Messages without a photo: a hint in private chats; in groups only where they address the bot."""

from telegram import Message
from telegram.ext import filters

from bot.handlers.explain import ExplainHandlers
from bot.handlers.photo import PhotoHandlers
from bot.handlers.punchline import PunchlineHandlers
from bot.handlers.routes import IncomingMessage, Route, message
from bot.jokes.album_tracker import AlbumTracker
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import is_private, is_reply_to_bot, mentions_bot

KINDS = {
    "animation": "animation",
    "video": "video",
    "video_note": "video",
    "sticker": "sticker",
    "voice": "voice",
    "audio": "voice",
    "document": "document",
}
"""The message key of each kind of content, by attribute of Message. An animation has a document too, so it comes first.

Animations, videos and stickers with a still image are handled as photos.
"""
OTHERS = ("contact", "location", "venue", "poll", "dice", "game", "story", "paid_media", "checklist")


class FallbackHandlers:
    """Handles messages that no other route matches."""

    def __init__(
        self,
        messenger: Messenger,
        albums: AlbumTracker,
        photos: PhotoHandlers,
        explain: ExplainHandlers,
        punchlines: PunchlineHandlers,
    ) -> None:
        self._messenger, self._albums, self._photos, self._explain = messenger, albums, photos, explain
        self._punchlines = punchlines

    def routes(self) -> list[Route]:
        return [message(filters.ALL, self.on_unsupported)]

    async def on_unsupported(self, incoming: IncomingMessage) -> None:
        """Reply with what the bot can't handle, or with what it is for."""
        message, bot = incoming.message, self._messenger.client
        if message.text is not None:
            await self._text(incoming, message.text)
            return
        await self._albums.join(incoming.update, message)
        key = _words_for(message)
        if key and (is_private(message) or mentions_bot(message, bot) or is_reply_to_bot(message, bot)):
            await self._messenger.reply(message, key)

    async def _text(self, incoming: IncomingMessage, text: str) -> None:
        """Handle a text. In groups only mentions, punchlines and "explain" count: the rest is talk among users."""
        if await self._punchlines.take_reply(incoming):
            return
        if self._explain.asks_to_explain(incoming) and await self._explain.explain_replied(incoming):
            return
        if mentions_bot(incoming.message, self._messenger.client):
            await self._photos.on_joke_command(incoming)
        elif is_private(incoming.message):
            await self._messenger.reply(incoming.message, "command-unknown" if text.startswith("/") else "say-photo")


def _words_for(message: Message) -> str | None:
    """The key of the reply; None for service messages, as about a new member."""
    kind = next((name for part, name in KINDS.items() if getattr(message, part, None)), None)
    if kind is None and any(getattr(message, part, None) for part in OTHERS):
        kind = "other"
    return f"not-a-photo-{kind}" if kind else None
