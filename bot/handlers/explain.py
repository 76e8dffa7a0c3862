"""/explain, or a reply with just "explain": explains one of the bot's jokes."""

import logging

from telegram.error import Forbidden

from bot.chats.bans import UserBanned
from bot.chats.chat_settings import ChatSettingsStore
from bot.handlers.error_messages import error_text
from bot.handlers.routes import IncomingMessage, Route, command
from bot.handlers.streaming_reply import StreamingReplies
from bot.jokes.generator import JokeGenerator
from bot.jokes.photo_intake import PhotoIntake
from bot.jokes.user_limiter import TooManyPending, UserLimiter
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import caption_hint, is_reply_to_bot
from bot.telegram.write_access import WriteAccess
from configs.errors import JokebotError
from configs.settings import LimitSettings
from storage.chat.flags import is_hidden
from storage.chat.jokes import Joke, get_delivery, get_joke
from storage.database import Database
from storage.media.photos import Photo

log = logging.getLogger(__name__)


class ExplainHandlers:
    """Explains jokes."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        chats: ChatSettingsStore,
        limiter: UserLimiter,
        intake: PhotoIntake,
        generator: JokeGenerator,
        replies: StreamingReplies,
        limits: LimitSettings,
        access: WriteAccess,
    ) -> None:
        self._messenger, self._database, self._chats, self._limiter = messenger, database, chats, limiter
        self._intake, self._generator, self._replies, self._limits = intake, generator, replies, limits
        self._access = access

    def routes(self) -> list[Route]:
        return [command("explain", self.on_explain)]

    async def on_explain(self, incoming: IncomingMessage) -> None:
        """Answer /explain, which has to be a reply to a joke."""
        if not await self.explain_replied(incoming):
            await self._messenger.reply(incoming.message, "explain-what")

    def asks_to_explain(self, incoming: IncomingMessage) -> bool:
        """Whether a message is a reply to the bot with just "explain", in any language."""
        client, translator = self._messenger.client, self._messenger.translator
        if not is_reply_to_bot(incoming.message, client):
            return False
        text = (caption_hint(incoming.message, client) or "").strip(" .!?。！？…").casefold()
        words = (translator.format(language, "explain-words") for language in translator.languages)
        return text in {word.strip().casefold() for line in words for word in line.split(",")}

    async def explain_replied(self, incoming: IncomingMessage) -> bool:
        """Explain the joke that the message replies to; False where it replies to none."""
        message, replied = incoming.message, incoming.message.reply_to_message
        delivery = await get_delivery(self._database, message.chat.id, replied.message_id) if replied else None
        joke = await get_joke(self._database, delivery.joke_id) if delivery else None
        if joke is None:
            return False
        if self._access.is_refused(message.chat.id):
            return True
        photo = await self._intake.find_stored(joke.photo_id)
        if photo is None or await is_hidden(self._database, joke.id):
            await self._messenger.reply(message, "photo-gone" if photo is None else "flag-is-hidden")
            return True
        try:
            with self._limiter.acquire(incoming.user.id):
                await self._answer(incoming, joke, photo)
        except TooManyPending:
            await self._messenger.reply(message, "queue-mine", limit=self._limiter.limit)
        return True

    async def _answer(self, incoming: IncomingMessage, joke: Joke, photo: Photo) -> None:
        user, chat_id, message_id = incoming.user, incoming.message.chat.id, incoming.message.message_id
        async with self._replies.begin(incoming.update_id, chat_id, message_id, user, incoming.resume) as reply:
            try:
                text = await self._generator.explain(
                    joke,
                    photo,
                    user_id=user.id,
                    language=self._chats.joke_language(chat_id, user),
                    on_position=reply.show_position,
                    on_text=reply.show_partial,
                )
            except UserBanned:
                await reply.discard()
                return
            except JokebotError as error:
                log.warning("update %d gets no explanation: %s", incoming.update_id, error)
                text = error_text(self._messenger.translator, self._limits, self._messenger.language(user), error)
            try:
                await reply.finish(text)
            except Forbidden:
                log.debug("joke %d can't be explained: the bot may not write in chat %d", joke.id, chat_id)
