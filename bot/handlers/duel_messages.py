"""The messages of duels: what they show now, their buttons, and the check of presses.

The first row of buttons chooses, the second flags (🚩) or shows again (↩️) one of the jokes. While a joke is hidden, the
message shows a notice in its place and can't be decided, because users would compare one joke with none.
"""

from dataclasses import dataclass
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, User

from bot.chats.chat_settings import ChatSettingsStore
from bot.handlers.callback_data import DuelButton, FlagButton, UnflagButton
from bot.handlers.keyboards import FLAG, UNFLAG, is_own_button
from bot.handlers.routes import ButtonPress
from bot.messaging.messenger import Messenger
from storage.chat.duels import Choice, DuelRecord, get_duel, record_duel_message
from storage.chat.flags import is_hidden
from storage.chat.jokes import get_joke
from storage.database import Database

SIDES: dict[Choice, str] = {"a": "🅰️", "b": "🅱️"}


@dataclass(frozen=True)
class DuelSide:
    """One of a duel's jokes with its sign. `joke_id` is None where the joke is not there."""

    sign: str
    joke_id: int | None
    text: str
    hidden: bool


class DuelMessages:
    """Renders and updates the messages of duels."""

    def __init__(self, messenger: Messenger, database: Database, chats: ChatSettingsStore) -> None:
        self._messenger, self._database, self._chats = messenger, database, chats

    async def render(self, duel: DuelRecord, user: User | None) -> tuple[str, InlineKeyboardMarkup]:
        """What the message should show now. `user` decides about the language where the chat has none.

        In a private chat it shows the user's choice, and takes no other.
        """
        language, translator = self._chats.chat_language(duel.chat_id, user), self._messenger.translator
        a, b = sides = await self._side("a", duel.joke_a), await self._side("b", duel.joke_b)
        chosen, hidden = duel.choice if duel.is_private else None, a.hidden or b.hidden
        notice = translator.format(language, "flag-hidden") if hidden else ""
        text = translator.format(
            language,
            "duel",
            open="no" if hidden and chosen is None else "yes",
            a=notice if a.hidden else a.text,
            b=notice if b.hidden else b.text,
        )
        if chosen:
            text += "\n\n" + translator.format(language, f"duel-chosen-{chosen}")
        rows = [] if hidden or chosen else [self._choices(language, duel.id)]
        return text, InlineKeyboardMarkup([*rows, _flags(sides)])

    async def update(self, duel_id: int, user: User | None = None) -> None:
        """Let the message show the duel's state; repeated where that has changed in the meantime.

        Raises TelegramError, CallDropped where Telegram can't be reached.
        """
        shown = None
        while (duel := await get_duel(self._database, duel_id)) and (duel.message_id or 0) > 0:
            current = await self.render(duel, user)
            if current == shown:
                return
            text, keyboard = shown = current
            await self._messenger.edit(duel.chat_id, duel.message_id or 0, text, keyboard)

    async def is_duel_button(self, press: ButtonPress[Any], duel: DuelRecord) -> bool:
        """Whether the button is under the duel's message; in a private chat only its user can press it.

        A message that was sent just before a crash is not recorded yet; it is recorded here.
        """
        message_id = press.message.message_id
        if press.message.chat.id != duel.chat_id:
            return False
        if duel.message_id is None:
            if not is_own_button(press.query):
                return False
            await record_duel_message(self._database, duel.id, message_id)
            return True
        return duel.message_id == message_id

    async def _side(self, side: Choice, joke_id: int | None) -> DuelSide:
        joke = await get_joke(self._database, joke_id or 0)
        if joke is None:
            return DuelSide(SIDES[side], None, "…", hidden=False)
        return DuelSide(SIDES[side], joke.id, joke.text, await is_hidden(self._database, joke.id))

    def _choices(self, language: str, duel_id: int) -> list[InlineKeyboardButton]:
        """Buttons for A, B and neither."""
        labels: dict[Choice, str] = {**SIDES, "meh": self._messenger.translator.format(language, "duel-meh")}
        return [
            InlineKeyboardButton(label, callback_data=DuelButton(duel_id, choice).encode())
            for choice, label in labels.items()
        ]


def _flags(sides: tuple[DuelSide, DuelSide]) -> list[InlineKeyboardButton]:
    """🚩 for each joke that is shown, ↩️ for each that is hidden."""
    return [
        InlineKeyboardButton(
            f"{UNFLAG if side.hidden else FLAG} {side.sign}",
            callback_data=(UnflagButton if side.hidden else FlagButton)(side.joke_id).encode(),
        )
        for side in sides
        if side.joke_id is not None
    ]
