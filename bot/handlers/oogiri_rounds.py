"""The course of rounds of Oogiri: entries are collected, a ballot is sent, votes are counted, the result is sent.

Each state is stored before its message is sent, so a restart goes on where the round was, and repeats at most the
message that was being sent.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import Forbidden, TelegramError

from bot.chats.bylines import Bylines
from bot.chats.chat_settings import ChatSettingsStore
from bot.handlers.callback_data import EndRoundButton, VoteButton
from bot.handlers.keyboards import punchline_keyboard
from bot.handlers.oogiri_pictures import RoundPictures
from bot.messaging.messenger import Messenger
from bot.runtime.periodic import Periodic
from bot.telegram.coalescer import Coalescer
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.text import TEXT_UNITS, truncate_for_telegram
from configs.settings import OogiriSettings
from storage.chat import rounds
from storage.chat.jokes import Joke, add_delivery, get_joke
from storage.chat.rounds import Round, RoundEntry
from storage.database import Database

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 3.0
MINUTE_S, WEEK_S = 60.0, 7 * 86400.0
RESERVED_UNITS = 1200
"""Of a message with all entries: for what stands around them."""
NUMBERS_PER_ROW, SHOWN_IN_TABLE = 5, 5
MEDALS = {1: "🥇", 2: "🥈", 3: "🥉"}
START_PREFIX = "oogiri_"
"""The payload of a link to the private chat, before the round's id."""


class OogiriRounds:
    """Moves rounds from state to state; `job` does so when their time is over."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        chats: ChatSettingsStore,
        bylines: Bylines,
        coalescer: Coalescer,
        pictures: RoundPictures,
        settings: OogiriSettings,
    ) -> None:
        self._messenger, self._database, self._chats, self._bylines = messenger, database, chats, bylines
        self._coalescer, self._pictures, self._settings = coalescer, pictures, settings
        self._advancing = asyncio.Lock()

    def job(self) -> Periodic:
        """Calls `advance_due` every POLL_INTERVAL_S."""
        return Periodic("oogiri", POLL_INTERVAL_S, self.advance_due)

    async def advance_due(self) -> None:
        """Move on each round whose time is over, and open each whose opening was not sent.

        What Telegram doesn't take now is tried again in the next call.
        """
        now = time.time()
        steps = [
            (found, partial(self.advance, found)) for found in await rounds.list_due_rounds(self._database, now)
        ] + [(found, partial(self.open, found.id)) for found in await rounds.list_unopened_rounds(self._database, now)]
        for found, step in steps:
            try:
                await step()
            except (TelegramError, CallDropped) as error:
                log.info("chat %d: round %d goes on later: %s", found.chat_id, found.id, error)

    async def open(self, round_id: int) -> None:
        """Ask for entries, once. Raises TelegramError, CallDropped."""
        async with self._advancing:
            found = await rounds.get_round(self._database, round_id)
            if found is None or found.state != "collecting" or found.message_id is not None:
                return
            picture = None
            if found.quoted_id is None and (picture := await self._pictures.file(found.photo_id)) is None:
                log.warning("chat %d: round %d ends, because its photo can't be read", found.chat_id, found.id)
                await rounds.change_state(self._database, found.id, "collecting", "over")
                return
            text, keyboard = await self.opening(found)
            note = partial(rounds.record_message, self._database, found.id)
            try:
                await self._send(found, text, keyboard, note, quoted_id=found.quoted_id, photo=picture)
            except Forbidden:
                log.info("chat %d: round %d ends, because the bot may not write there", found.chat_id, found.id)
                await rounds.change_state(self._database, found.id, "collecting", "over")

    async def advance(self, seen: Round) -> None:
        """End the state in which the round was seen, unless it has ended. Raises TelegramError, CallDropped."""
        async with self._advancing:
            found = await rounds.get_round(self._database, seen.id)
            if found is None or found.state != seen.state or found.state == "over":
                return
            if found.state in ("collecting", "voting"):
                after: rounds.RoundState = "closing" if found.state == "collecting" else "scoring"
                await rounds.change_state(self._database, found.id, found.state, after)
            step = self._send_ballot if found.state in ("collecting", "closing") else self._send_result
            try:
                await step(found, await self._language(found))
            except Forbidden:
                log.info("chat %d: round %d ends, because the bot may not write there", found.chat_id, found.id)
                await rounds.change_state(self._database, found.id, "closing", "over")
                await rounds.change_state(self._database, found.id, "scoring", "over")

    async def opening(self, found: Round) -> tuple[str, InlineKeyboardMarkup | None]:
        """The message that collects entries, as it should be now."""
        language = await self._language(found)
        collecting, entries = found.state == "collecting", await rounds.count_entries(self._database, found.id)
        minutes = max(1, round((found.due_at - found.created_at) / MINUTE_S))
        key = "oogiri-open" if collecting else "oogiri-closed"
        text = self._messenger.translator.format(language, key, minutes=minutes, entries=entries)
        if credit := await self._pictures.credit(found.photo_id):
            text = f"{text}\n\n{self._messenger.translator.format(language, 'oogiri-credit', credit=credit)}"
        link = f"https://t.me/{self._messenger.client.username}?start={START_PREFIX}{found.id}"
        say = partial(self._messenger.translator.format, language)
        buttons = [
            InlineKeyboardButton(say("oogiri-secretly"), url=link),
            InlineKeyboardButton(say("oogiri-end"), callback_data=EndRoundButton(found.id).encode()),
        ]
        return text, InlineKeyboardMarkup([buttons]) if collecting else None

    def refresh(self, round_id: int) -> None:
        """Schedule an update of the number of entries; of several the last is shown."""

        async def edit() -> None:
            found = await rounds.get_round(self._database, round_id)
            if found and found.message_id:
                text, keyboard = await self.opening(found)
                caption = found.quoted_id is None
                await self._messenger.edit(found.chat_id, found.message_id, text, keyboard, caption=caption)

        self._coalescer.submit(("round", round_id), edit)

    async def take_entry(self, found: Round, joke: Joke) -> bool:
        """Enter a user's punchline in place of their earlier one; False where the round takes no more."""
        earlier = await rounds.add_entry(self._database, found.id, joke.id, joke.person_id)
        self.refresh(found.id)
        return earlier is not None

    async def table(self, chat_id: int, language: str) -> str:
        """The points of the week, and of all time where those are others; "" while there are none."""
        lines: list[str] = []
        known: list[str] = []
        for key, since in (("oogiri-week", time.time() - WEEK_S), ("oogiri-ever", 0.0)):
            points = await rounds.list_points(self._database, chat_id, since, SHOWN_IN_TABLE)
            names = [f"{await self._name(row.user_id, language, byline=False)} {row.points}" for row in points]
            if names and names != known:
                known = names
                lines.append(self._messenger.translator.format(language, key, table=" · ".join(names)))
        return "\n".join(lines)

    async def _send_ballot(self, found: Round, language: str) -> None:
        await rounds.number_entries(self._database, found.id)
        entries = await rounds.list_entries(self._database, found.id)
        self.refresh(found.id)
        say = partial(self._messenger.translator.format, language)
        if not any(entry.author_id is not None for entry in entries):
            own = next((entry.text for entry in entries), "")
            text = f"{say('oogiri-unplayed')}\n\n{own}" if own else say("oogiri-nothing")
            await self._send(found, text, None, self._finisher(found, "closing"), quoted_id=found.message_id)
            return
        minutes = self._settings.vote_minutes
        due_at = time.time() + MINUTE_S * minutes
        room = (TEXT_UNITS - RESERVED_UNITS) // len(entries)
        lines = [f"{entry.position}. {_one_line(entry.text, room)}" for entry in entries]
        text = "\n".join([say("oogiri-ballot", minutes=max(1, round(minutes))), "", *lines])

        async def note(message_id: int) -> None:
            await rounds.open_ballot(self._database, found.id, message_id, due_at)

        await self._send(
            found, text, _ballot_keyboard(found.id, entries, say("oogiri-end")), note, quoted_id=found.message_id
        )

    async def _send_result(self, found: Round, language: str) -> None:
        entries = sorted(await rounds.list_entries(self._database, found.id), key=lambda entry: -entry.votes)
        room = (TEXT_UNITS - RESERVED_UNITS) // max(1, len(entries)) - 60
        say, lines = partial(self._messenger.translator.format, language), []
        for entry in entries:
            place = 1 + sum(other.votes > entry.votes for other in entries)
            medal = MEDALS.get(place, f"{place}.") if entry.votes else "·"
            author = await self._name(entry.author_id, language)
            lines.append(
                f"{medal} {_one_line(entry.text, room)}\n{say('oogiri-line', author=author, votes=entry.votes)}"
            )
        voted = "yes" if any(entry.votes for entry in entries) else "no"
        text = "\n\n".join([say("oogiri-result", voted=voted), *lines])
        await self._send(found, text, None, self._finisher(found, "scoring"), quoted_id=found.message_id)
        if found.ballot_id:
            ballot = say("oogiri-counted")
            await self._messenger.edit(found.chat_id, found.ballot_id, ballot)
        if table := await self.table(found.chat_id, language):
            await self._messenger.send(found.chat_id, table)
        if entries and entries[0].votes and entries[0].author_id is not None:
            await self._post_winner(found, entries[0], language)

    async def _post_winner(self, found: Round, entry: RoundEntry, language: str) -> None:
        """Show the best punchline with the buttons of a joke, to be rated and learnt from."""
        text = await self._bylines.with_author(entry.text, entry.author_id, language)
        note = partial(add_delivery, self._database, entry.joke_id, found.chat_id)
        keyboard = punchline_keyboard(entry.joke_id, better=self._chats.get(found.chat_id).punchlines)
        await self._send(found, text, keyboard, note, quoted_id=found.message_id)

    async def _language(self, found: Round) -> str:
        """The language of all messages of a round: the chat's own, else that of the bot's entry."""
        entry = await get_joke(self._database, found.joke_id)
        languages = self._messenger.translator.languages
        written_in = entry.language if entry and entry.language in languages else None
        return self._chats.chosen_language(found.chat_id) or written_in or self._chats.chat_language(found.chat_id)

    async def _send(
        self,
        found: Round,
        text: str,
        keyboard: InlineKeyboardMarkup | None,
        note: Callable[[int], Awaitable[object]],
        *,
        quoted_id: int | None,
        photo: bytes | None = None,
    ) -> None:
        await self._messenger.send(
            found.chat_id,
            text,
            quoted_id=quoted_id,
            keyboard=keyboard,
            priority=Priority.ESSENTIAL,
            note=note,
            photo=photo,
        )

    def _finisher(self, found: Round, state: rounds.RoundState) -> Callable[[int], Awaitable[object]]:
        async def finish(message_id: int) -> None:
            await rounds.change_state(self._database, found.id, state, "over")

        return finish

    async def _name(self, user_id: int | None, language: str, *, byline: bool = True) -> str:
        """The bot's or a user's name, with the sign of an author where it is a byline."""
        if user_id is None:
            return self._messenger.translator.format(language, "oogiri-bot")
        return await (self._bylines.line if byline else self._bylines.name)(user_id, language)


def _one_line(text: str, units: int) -> str:
    return truncate_for_telegram(" / ".join(text.splitlines()), max_units=max(units, 20))


def _ballot_keyboard(round_id: int, entries: Sequence[RoundEntry], end: str) -> InlineKeyboardMarkup:
    """A button for each entry, and one that ends the voting."""
    numbers = [
        InlineKeyboardButton(str(entry.position), callback_data=VoteButton(round_id, entry.position).encode())
        for entry in entries
    ]
    rows = [numbers[start : start + NUMBERS_PER_ROW] for start in range(0, len(numbers), NUMBERS_PER_ROW)]
    return InlineKeyboardMarkup([*rows, [InlineKeyboardButton(end, callback_data=EndRoundButton(round_id).encode())]])
