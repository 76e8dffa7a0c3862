"""The buttons under a joke: what they show, what they send, and keeping their counts up to date."""
import re
from dataclasses import dataclass

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from bot.outgoing import Priority
from bot.parts import Parts
from storage.jokes import add_delivery, get_delivery, get_joke
from storage.ratings import Counts

EMOJI = {3: "😂", 2: "🙂", 1: "😐"}
ANOTHER = "🔁"
PRESSED = re.compile(r"r:(?P<rated>\d{1,18}):(?P<value>[123])|a:(?P<another>\d{1,18})")


@dataclass(frozen=True)
class Pressed:
    """A button of ours: which joke, and the verdict; None for another joke."""

    joke_id: int
    value: int | None


def buttons(joke_id: int, counts: Counts | None = None) -> InlineKeyboardMarkup:
    """One row: the three verdicts with how often each was given, and another one."""
    counts = counts or Counts()
    given = {3: counts.funny, 2: counts.somewhat, 1: counts.unfunny}
    row = [InlineKeyboardButton(f"{emoji} {given[value]}" if given[value] else emoji, callback_data=f"r:{joke_id}:{value}")
           for value, emoji in EMOJI.items()]
    return InlineKeyboardMarkup([[*row, InlineKeyboardButton(ANOTHER, callback_data=f"a:{joke_id}")]])


async def find_pressed(parts: Parts, query: CallbackQuery) -> Pressed | None:
    """What was pressed; None unless it is a button under that very joke. A modified client can send anything."""
    match, message = PRESSED.fullmatch(query.data or ""), query.message
    if not match or not message:
        return None
    pressed = Pressed(int(match["rated"] or match["another"]), int(match["value"]) if match["value"] else None)
    delivery = await get_delivery(parts.database, message.chat.id, message.message_id)
    if delivery:
        return pressed if delivery.joke_id == pressed.joke_id else None
    return pressed if await _adopt(parts, query, pressed.joke_id) else None


async def _adopt(parts: Parts, query: CallbackQuery, joke_id: int) -> bool:
    """A joke whose message was sent just before a crash has no delivery yet. The message itself, which Telegram's server
    fills in, proves that the button is ours."""
    message = query.message
    markup = getattr(message, "reply_markup", None)
    shown = {button.callback_data for row in markup.inline_keyboard for button in row} if markup else set()
    ours = getattr(message, "from_user", None) and message.from_user.id == parts.bot.id
    if not ours or query.data not in shown or not await get_joke(parts.database, joke_id):
        return False
    await add_delivery(parts.database, joke_id, message.chat.id, message.message_id)
    return True


def show_counts(parts: Parts, chat_id: int, message_id: int, joke_id: int, counts: Counts) -> None:
    """Bring the counts to the buttons, soon; of several changes the last is shown."""
    async def edit() -> None:
        await parts.bot.edit_message_reply_markup(chat_id, message_id, reply_markup=buttons(joke_id, counts),
                                                  rate_limit_args=Priority.FINAL)
    parts.latest.put((chat_id, message_id), edit)
