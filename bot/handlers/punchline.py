"""Punchlines: users answer a joke with a better one, by /better, a reply that begins with ✍️, or the button ✍️.

The bot shows a punchline with the buttons of a joke. Its author can correct it for a while by editing the message, and
delete it with 🗑. With a user's first punchline the bot asks for consent.
"""

import logging
from functools import partial

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import Forbidden

from bot.chats.bylines import Bylines
from bot.chats.chat_settings import ChatSettingsStore
from bot.handlers.callback_data import PublishButton, WithdrawButton
from bot.handlers.flagged_messages import FlaggedMessages
from bot.handlers.keyboards import punchline_keyboard
from bot.handlers.oogiri_rounds import OogiriRounds
from bot.handlers.punchline_request import PunchlineRequests
from bot.handlers.routes import ButtonPress, IncomingMessage, Route, button, command, edited_text
from bot.jokes.punchlines import PunchlineWriter, clean_text
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import command_text, is_reply_to_bot, pen_text
from bot.telegram.rate_limiter import Priority
from bot.telegram.send_journal import MessageNotRecorded
from bot.telegram.senders import is_chat_sender
from configs.settings import PunchlineSettings
from storage.chat import punchlines
from storage.chat.flags import is_hidden, list_deliveries
from storage.chat.jokes import Joke, add_delivery, get_joke
from storage.chat.punchlines import Punchline
from storage.chat.rounds import Round, get_round_of_joke, get_round_of_message
from storage.database import Database
from storage.write_retry import repeat_write

log = logging.getLogger(__name__)


class PunchlineHandlers:
    """Handles what users write in answer to jokes."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        chats: ChatSettingsStore,
        writer: PunchlineWriter,
        bylines: Bylines,
        requests: PunchlineRequests,
        messages: FlaggedMessages,
        course: OogiriRounds,
        settings: PunchlineSettings,
    ) -> None:
        self._messenger, self._database, self._chats, self._writer = messenger, database, chats, writer
        self._bylines, self._requests, self._messages, self._settings = bylines, requests, messages, settings
        self._course = course

    def routes(self) -> list[Route]:
        return [
            command("better", self.on_better),
            button(PublishButton, self.on_publish),
            button(WithdrawButton, self.on_withdraw),
            edited_text(self.on_edit),
            *self._requests.routes(),
        ]

    async def on_better(self, incoming: IncomingMessage) -> None:
        """Answer /better, which has to be a reply to a joke; without a text, ask for it."""
        replied, text = incoming.message.reply_to_message, command_text(incoming.message)
        joke_id = await self._replied_joke(incoming)
        if joke_id is None or replied is None:
            await self._reply(incoming, "better-what")
        elif clean_text(text):
            await self._enter(incoming, joke_id, text)
        elif not self._chats.get(incoming.message.chat.id).punchlines:
            await self._reply(incoming, "better-off")
        elif not is_chat_sender(incoming.user):
            await self._requests.ask(incoming.message.chat.id, incoming.user, joke_id, replied.message_id)

    async def take_reply(self, incoming: IncomingMessage) -> bool:
        """Handle a text that replies to a joke and begins with ✍️, or to a request; False for other texts."""
        message = incoming.message
        if message.reply_to_message is None or not is_reply_to_bot(message, self._messenger.client):
            return False
        request = await self._requests.find(message.chat.id, message.reply_to_message.message_id)
        marked = pen_text(message)
        if marked is None and (request is None or request.person_id != incoming.user.id):
            round_ = await get_round_of_message(self._database, message.chat.id, message.reply_to_message.message_id)
            if round_ is None or round_.state == "over" or round_.message_id != message.reply_to_message.message_id:
                return False
        joke_id = request.joke_id if request else await self._replied_joke(incoming)
        if joke_id is None:
            return False
        await self._enter(incoming, joke_id, message.text or "" if marked is None else marked)
        return True

    async def on_publish(self, press: ButtonPress[PublishButton]) -> None:
        """Record the author's consent and show the punchline."""
        punchline = await punchlines.get_punchline(self._database, press.data.punchline_id)
        if punchline is None or punchline.chat_id != press.message.chat.id:
            await self._messenger.reject_button(press.query)
            return
        if punchline.person_id != press.user.id:
            await self._messenger.reject_button(press.query, "punchline-not-yours")
            return
        await punchlines.record_consent(self._database, press.user.id)
        await self._messenger.answer_button(press.query)
        parent = await get_joke(self._database, punchline.parent_id)
        if parent and await self._publish(punchline, parent, press):
            await self._requests.delete_messages(punchline.chat_id, [press.message.message_id])

    async def on_withdraw(self, press: ButtonPress[WithdrawButton]) -> None:
        """Delete the punchline of the user who presses, and say so in its messages."""
        joke_id = press.data.joke_id
        if not await self._messages.has_joke(press, joke_id):
            await self._messenger.reject_button(press.query)
            return
        shown = await list_deliveries(self._database, joke_id)
        if not await punchlines.withdraw_punchline(self._database, joke_id, press.user.id):
            await self._messenger.reject_button(press.query, "punchline-not-yours")
            return
        log.info("punchline %d is withdrawn", joke_id)
        await self._messenger.answer_button(press.query, "punchline-withdrawn")
        for delivery in shown:
            language = self._chats.chat_language(delivery.chat_id, press.user)
            text = self._messenger.translator.format(language, "punchline-gone")
            await self._messenger.edit(delivery.chat_id, delivery.message_id, text)

    async def on_edit(self, incoming: IncomingMessage) -> None:
        """Correct a punchline whose message was edited in time."""
        message = incoming.message
        found = await punchlines.get_punchline_of_message(self._database, message.chat.id, message.message_id)
        parent = await get_joke(self._database, found.parent_id) if found else None
        if found is None or parent is None or found.person_id != incoming.user.id:
            return
        joke = await get_joke(self._database, found.joke_id) if found.joke_id else None
        marked = pen_text(message)
        written = command_text(message) if marked is None else marked
        text, current = clean_text(written), joke.text if joke else found.draft
        if current in (None, text):
            return
        edited_after_s = (message.edit_date - message.date).total_seconds() if message.edit_date else 0.0
        round_ = await get_round_of_joke(self._database, parent.id)
        if edited_after_s > self._settings.edit_s or (round_ and round_.state != "collecting"):
            await self._reply(incoming, "punchline-late")
        elif key := await self._writer.objection(message, text, parent):
            await self._reply(incoming, key)
        else:
            corrected = self._writer.make_joke(text, parent, found.person_id)
            await punchlines.correct_punchline(self._database, found, corrected)
            if joke:
                await self._messages.update(joke.id, incoming.user)

    async def _enter(self, incoming: IncomingMessage, joke_id: int, written: str) -> None:
        """Check a punchline, store it, and show it or ask for consent."""
        message, user, text = incoming.message, incoming.user, clean_text(written)
        parent = await get_joke(self._database, joke_id)
        if parent is None or self._messenger.client.write_access.is_refused(message.chat.id):
            return
        stored = await punchlines.get_punchline_of_message(self._database, message.chat.id, message.message_id)
        if stored is None and (key := await self._refusal(incoming, text, parent)):
            await self._reply(incoming, key)
            return
        punchline = stored or await punchlines.add_punchline(
            self._database, user.id, message.chat.id, message.message_id, joke_id, text, per_day=self._settings.per_day
        )
        if punchline is None:
            await self._reply(incoming, "punchline-limit")
            return
        await self._requests.close(message.chat.id, user.id)
        if punchline.draft is None or await punchlines.has_consented(self._database, user.id):
            await self._publish(punchline, parent, incoming)
        else:
            in_round = await get_round_of_joke(self._database, joke_id)
            key = "punchline-first-round" if in_round else "punchline-first"
            label = self._messenger.text(user, f"{key}-yes")
            yes = InlineKeyboardButton(label, callback_data=PublishButton(punchline.id).encode())
            question = self._messenger.text(user, key)
            await self._messenger.reply_text(message, question, InlineKeyboardMarkup([[yes]]))

    async def _refusal(self, incoming: IncomingMessage, text: str, parent: Joke) -> str | None:
        """The key of the message that refuses a new punchline; None if it is accepted."""
        if not self._settings.per_day:
            return "better-off"
        if is_chat_sender(incoming.user):
            return "punchline-as-chat"
        if await is_hidden(self._database, parent.id):
            return "flag-is-hidden"
        round_ = await get_round_of_joke(self._database, parent.id)
        if round_ and round_.state != "collecting":
            return "oogiri-late"
        if round_ is None and not self._chats.get(incoming.message.chat.id).punchlines:
            return "better-off"
        return await self._writer.objection(incoming.message, text, parent)

    async def _publish(
        self, punchline: Punchline, parent: Joke, source: IncomingMessage | ButtonPress[PublishButton]
    ) -> bool:
        """Make a punchline a joke and show it, in reply to the joke that it answers; False where it isn't shown.

        A second press of a button doesn't show it twice; an update that is handled again after a restart shows it.
        """
        new = self._writer.make_joke(punchline.draft or "", parent, punchline.person_id)
        published = await punchlines.publish_punchline(self._database, punchline.id, new)
        if published is None or not (published[1] or source.resume):
            return False
        (joke, _), chat_id, update_id = published, punchline.chat_id, source.update_id
        if round_ := await get_round_of_joke(self._database, parent.id):
            return await self._enter_round(round_, joke, punchline, source)
        quoted_id = await punchlines.find_message(self._database, parent.id, chat_id) or punchline.message_id
        text = await self._bylines.shown_text(joke, self._chats.chat_language(chat_id, source.user))
        note = partial(add_delivery, self._database, joke.id, chat_id, update_id=update_id)
        keyboard = punchline_keyboard(joke.id, better=self._chats.get(chat_id).punchlines)
        try:
            await self._messenger.send(
                chat_id, text, quoted_id=quoted_id, keyboard=keyboard, priority=Priority.ESSENTIAL, note=note
            )
        except MessageNotRecorded as error:
            await repeat_write(error, partial(note, error.message_id))
        except Forbidden:
            log.debug("punchline %d can't be shown: the bot may not write in chat %d", joke.id, chat_id)
            return False
        log.info("update %d: punchline %d for photo %d", update_id, joke.id, joke.photo_id)
        return True

    async def _enter_round(
        self, round_: Round, joke: Joke, punchline: Punchline, source: IncomingMessage | ButtonPress[PublishButton]
    ) -> bool:
        """Enter a punchline in a round of Oogiri instead of showing it; delete it where the round takes no more."""
        if await self._course.take_entry(round_, joke):
            if punchline.chat_id > 0:
                await self._messenger.send(
                    punchline.chat_id,
                    self._messenger.text(source.user, "oogiri-entered"),
                    quoted_id=punchline.message_id,
                )
            return True
        await punchlines.withdraw_punchline(self._database, joke.id, joke.person_id)
        late = self._messenger.text(source.user, "oogiri-late")
        await self._messenger.send(punchline.chat_id, late, quoted_id=punchline.message_id)
        return True

    async def _replied_joke(self, incoming: IncomingMessage) -> int | None:
        """The joke that a message replies to."""
        message = incoming.message
        if message.reply_to_message is None:
            return None
        return await punchlines.find_shown_joke(self._database, message.chat.id, message.reply_to_message.message_id)

    async def _reply(self, incoming: IncomingMessage, key: str) -> None:
        """Answer with a message of this module; all of them may name a limit."""
        length, per_day = self._writer.max_length, self._settings.per_day
        await self._messenger.reply(incoming.message, key, length=length, limit=per_day)
