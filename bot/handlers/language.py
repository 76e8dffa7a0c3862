"""/language: the language of the bot's texts for a user, and of their jokes."""

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chats.languages import LanguagePreferences
from bot.handlers.callback_data import LanguageButton
from bot.handlers.routes import ButtonPress, IncomingMessage, Route, button, command
from bot.messaging.messenger import Messenger
from bot.telegram.senders import is_chat_sender
from storage.database import Database

AS_APP = "app"
"""In place of a language: that of the user's Telegram app."""


class LanguageHandlers:
    """Shows and stores the choice of a language."""

    def __init__(self, messenger: Messenger, database: Database, languages: LanguagePreferences) -> None:
        self._messenger, self._database, self._languages = messenger, database, languages

    def routes(self) -> list[Route]:
        return [command("language", self.on_language), button(LanguageButton, self.on_choice)]

    async def on_language(self, incoming: IncomingMessage) -> None:
        """Offer all languages, each by its own name, and the app's. The buttons are for the user who asked."""
        user, translator = incoming.user, self._messenger.translator
        if is_chat_sender(user):
            await self._messenger.reply(incoming.message, "language-own-name")
            return
        chosen = self._languages.chosen(user.id) or AS_APP
        names = {code: translator.format(code, "language-name") for code in translator.languages}
        names[AS_APP] = self._messenger.text(user, "language-app")
        rows = [
            [
                InlineKeyboardButton(
                    f"✓ {name}" if code == chosen else name, callback_data=LanguageButton(user.id, code).encode()
                )
            ]
            for code, name in names.items()
        ]
        question = self._messenger.text(user, "language-ask")
        await self._messenger.reply_text(incoming.message, question, InlineKeyboardMarkup(rows))

    async def on_choice(self, press: ButtonPress[LanguageButton]) -> None:
        """Store the choice, and confirm it in the chosen language."""
        code, user = press.data.language, press.user
        if press.data.user_id != user.id or code not in (*self._messenger.translator.languages, AS_APP):
            await self._messenger.reject_button(press.query, press.data.REJECTION)
            return
        await self._languages.choose(self._database, user.id, None if code == AS_APP else code)
        key = "language-as-app" if code == AS_APP else "language-chosen"
        await self._messenger.close_question(press.query, self._messenger.text(user, key))
