"""Everything that isn't a photo: a kind word in private, silence in groups unless the bot is meant."""

from telegram import Message
from telegram.ext import filters

from bot.handlers.explain import ExplainHandlers
from bot.handlers.photo import PhotoHandlers
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
"""Which words fit which part of a message. An animation has a document as well, so it comes first.
Animations, videos and stickers come here where there is no still of them."""
OTHERS = ("contact", "location", "venue", "poll", "dice", "game", "story", "paid_media", "checklist")


class FallbackHandlers:
    """Takes the messages that no other handler takes."""

    def __init__(
        self, messenger: Messenger, albums: AlbumTracker, photos: PhotoHandlers, explain: ExplainHandlers
    ) -> None:
        self._messenger, self._albums, self._photos, self._explain = messenger, albums, photos, explain

    def routes(self) -> list[Route]:
        return [message(filters.ALL, self.on_unsupported)]

    async def on_unsupported(self, incoming: IncomingMessage) -> None:
        """Say what the bot is for, to whom it may concern."""
        found, bot = incoming.message, self._messenger.client
        if found.text is not None:
            await self._text(incoming, found.text)
            return
        await self._albums.join(incoming.update, found)
        key = _words_for(found)
        if key and (is_private(found) or mentions_bot(found, bot) or is_reply_to_bot(found, bot)):
            await self._messenger.reply(found, key)

    async def _text(self, incoming: IncomingMessage, text: str) -> None:
        """Words alone. A plain reply to a joke is talk among users: in a group only a mention and "explain" count."""
        if self._explain.asks_why(incoming) and await self._explain.explain_replied(incoming):
            return
        if mentions_bot(incoming.message, self._messenger.client):
            await self._photos.on_joke_command(incoming)
        elif is_private(incoming.message):
            await self._messenger.reply(incoming.message, "command-unknown" if text.startswith("/") else "say-photo")


def _words_for(found: Message) -> str | None:
    """None for service messages: a member joined, a title changed …"""
    kind = next((words for part, words in KINDS.items() if getattr(found, part, None)), None)
    if kind is None and any(getattr(found, part, None) for part in OTHERS):
        kind = "other"
    return f"not-a-photo-{kind}" if kind else None
