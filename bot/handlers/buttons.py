"""The buttons under a joke: what they show, what they send, and keeping their counts up to date."""
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from bot.outgoing import Priority
from bot.parts import Parts
from storage.albums import AlbumPhoto, photos_under
from storage.jokes import add_delivery, get_delivery, get_joke
from storage.ratings import Counts, counts

EMOJI = {3: "😂", 2: "🙂", 1: "😐"}
ANOTHER, PHOTO = "🔁", "🖼"
IN_A_ROW, MOST_NUMBERS = 4, 50
"""More beside each other are cut on a phone. Telegram's albums have 10 photos, and a message at most 100 buttons."""
PRESSED = re.compile(r"r:(?P<rated>\d{1,18}):(?P<value>[123])|a:(?P<another>\d{1,18})")


@dataclass(frozen=True)
class Pressed:
    """A button of ours: which joke, and the verdict; None for another joke."""

    joke_id: int
    value: int | None


def buttons(joke_id: int, given: Counts | None = None, album: Sequence[AlbumPhoto] = ()) -> InlineKeyboardMarkup:
    """One row: the three verdicts with how often each was given, and another one. Under an album's joke its photos by number, too."""
    given = given or Counts()
    votes = {3: given.funny, 2: given.somewhat, 1: given.unfunny}
    row = [InlineKeyboardButton(f"{emoji} {votes[value]}" if votes[value] else emoji, callback_data=f"r:{joke_id}:{value}")
           for value, emoji in EMOJI.items()]
    numbers = [InlineKeyboardButton(f"{PHOTO} {photo.number}", callback_data=f"n:{photo.id}") for photo in album[:MOST_NUMBERS]]
    return InlineKeyboardMarkup([[*row, InlineKeyboardButton(ANOTHER, callback_data=f"a:{joke_id}")], *_even_rows(numbers)])


def _even_rows(numbers: list[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """Rows that differ by one button at most, the longer ones first; none for a single photo."""
    if len(numbers) < 2:
        return []
    count = -(-len(numbers) // IN_A_ROW)
    short, longer = divmod(len(numbers), count)
    ends = list(accumulate(short + (row < longer) for row in range(count)))
    return [numbers[start:end] for start, end in pairwise([0, *ends])]


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


def show_buttons(parts: Parts, chat_id: int, message_id: int, joke_id: int) -> None:
    """Bring the counts, and an album's numbers, to the buttons, soon; of several changes the last is shown."""
    async def edit() -> None:
        album = await photos_under(parts.database, chat_id, message_id)
        await parts.bot.edit_message_reply_markup(chat_id, message_id, reply_markup=buttons(joke_id, await counts(parts.database, joke_id), album),
                                                  rate_limit_args=Priority.FINAL)
    parts.latest.put((chat_id, message_id), edit)
