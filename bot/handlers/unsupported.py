"""Everything that isn't a photo: a kind word in private, silence in groups unless the bot is meant."""
from telegram import Message, Update

from bot.handlers.explain import asks_why, explain_replied
from bot.handlers.photo import pointed_at
from bot.handlers.reading import answers_bot, calls_bot, is_private
from bot.parts import Parts

KINDS = {"animation": "animation", "video": "video", "video_note": "video", "sticker": "sticker", "voice": "voice", "audio": "voice",
         "document": "document"}
"""Which words fit which part of a message. An animation has a document as well, so it comes first.
Animations, videos and stickers come here where there is no still of them."""
OTHERS = ("contact", "location", "venue", "poll", "dice", "game", "story", "paid_media", "checklist")


async def other(parts: Parts, update: Update) -> None:
    """A message that no other handler takes."""
    message = update.effective_message
    if message is None or message.from_user is None:
        return
    if message.text is not None:
        await _text(parts, update, message)
        return
    await parts.albums.join(update, message)
    name = _words_for(message)
    if name and (is_private(message) or calls_bot(message, parts.bot) or answers_bot(message, parts.bot)):
        await parts.messenger.reply(message, name)


async def _text(parts: Parts, update: Update, message: Message) -> None:
    """Words alone. A plain reply to a joke is talk among people, so in a group only a mention counts, and "explain"."""
    if asks_why(parts, message) and await explain_replied(parts, update, message):
        return
    if calls_bot(message, parts.bot):
        await pointed_at(parts, update)
    elif is_private(message):
        await parts.messenger.reply(message, "command-unknown" if message.text.startswith("/") else "say-photo")


def _words_for(message: Message) -> str | None:
    """None for service messages: somebody joined, a title changed …"""
    kind = next((words for part, words in KINDS.items() if getattr(message, part, None)), None)
    if kind is None and any(getattr(message, part, None) for part in OTHERS):
        kind = "other"
    return f"not-a-photo-{kind}" if kind else None
