"""Rounds of Oogiri at an hour of the day, with a picture of the pack, in the groups that want them.

A group chooses the hour in /settings, or has that of the settings. Hours are those of this machine's time zone. The
round's row says that the hour has had its round, so a restart begins none twice. What fails is tried again until the
hour is over.
"""

import asyncio
import logging
import time
from datetime import datetime

from telegram import ChatMember, ChatMemberRestricted
from telegram.error import Forbidden, TelegramError

from bot.chats.access_list import AccessList
from bot.chats.chat_settings import ChatSettingsStore
from bot.handlers.oogiri_start import RoundRequest, RoundStarter
from bot.jokes.pack_photos import PackPhotos
from bot.messaging.messenger import Messenger
from bot.runtime.periodic import Periodic
from bot.telegram.rate_limiter import CallDropped, Priority
from configs.errors import JokebotError
from configs.settings import OogiriSettings
from storage.chat import round_schedule, rounds
from storage.chat.round_schedule import ScheduledChat
from storage.database import Database

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 20.0
"""Polled, because clocks are set and hosts sleep."""
HOUR_S = 3600


class OogiriSchedule:
    """Begins the rounds; `job` does so when they are due."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        chats: ChatSettingsStore,
        access: AccessList,
        pack: PackPhotos,
        starter: RoundStarter,
        settings: OogiriSettings,
    ) -> None:
        self._messenger, self._database, self._chats, self._access = messenger, database, chats, access
        self._pack, self._starter, self._settings = pack, starter, settings
        self._beginning, self._failed = asyncio.Lock(), (0.0, "")

    def job(self) -> Periodic:
        """Calls `begin_due` every POLL_INTERVAL_S, first when the bot has run that long: the model has to load too."""
        pause_s = POLL_INTERVAL_S
        return Periodic("oogiri-schedule", pause_s, lambda: self.begin_due(time.time()), first_after_s=pause_s)

    async def begin_due(self, now: float) -> None:
        """Begin the rounds of the present hour of day that have not begun; `now` in seconds since 1970."""
        if not self._pack.exists or not self._settings.rounds_per_day:
            return
        async with self._beginning:
            due, hours = current_hours(now)
            if now - due >= HOUR_S:  # the second of the two hours in which clocks are set back
                return
            for hour in hours:
                is_default = hour == self._settings.hour
                for chat in await round_schedule.list_chats_of_hour(self._database, hour, now, is_default=is_default):
                    await self._begin(chat, due)

    async def _begin(self, chat: ScheduledChat, due: float) -> None:
        """Begin a chat's round unless it has had it, or no user plays there. What fails is logged."""
        chat_id = chat.chat_id
        if chat.since > due or await round_schedule.has_scheduled_round(self._database, chat_id, due):
            return
        try:
            if await self._is_paused(chat, due) or await self._is_busy(chat_id) or not await self._may_write(chat_id):
                return
            photo = await self._pack.next_photo(chat_id)
            outcome = await self._starter.start(RoundRequest(chat_id, None, request_id(chat_id, due), photo))
            log.info("chat %d: the round of the hour: %s", chat_id, outcome)
        except (JokebotError, TelegramError, CallDropped) as error:
            known, self._failed = self._failed, (due, f"{chat_id} {error}")
            level = logging.INFO if known == self._failed else logging.WARNING
            log.log(level, "chat %d: its round can't begin now: %s", chat_id, error)

    async def _is_paused(self, chat: ScheduledChat, due: float) -> bool:
        """Whether no user has played in the chat's latest rounds. The chat is told once, until a user plays again."""
        count = self._settings.unplayed_rounds
        if not count or not await round_schedule.is_unplayed(self._database, chat.chat_id, chat.since, count):
            if chat.paused_at is not None:
                await round_schedule.record_pause(self._database, chat.chat_id, None)
            return False
        if chat.paused_at is None or chat.paused_at < chat.since:
            language = self._chats.chat_language(chat.chat_id)
            text = self._messenger.translator.format(language, "oogiri-paused", rounds=count)

            async def note(message_id: int) -> None:
                await round_schedule.record_pause(self._database, chat.chat_id, due)

            try:
                await self._messenger.send(chat.chat_id, text, priority=Priority.ESSENTIAL, note=note)
            except Forbidden:
                await note(0)
        return True

    async def _is_busy(self, chat_id: int) -> bool:
        """Whether the chat plays, or has had its rounds of the day."""
        count = await rounds.count_rounds(self._database, chat_id, time.time() - 24 * HOUR_S)
        return count >= self._settings.rounds_per_day or bool(await rounds.get_open_round(self._database, chat_id))

    async def _may_write(self, chat_id: int) -> bool:
        """Whether the group may use the bot, and the bot write there. Raises TelegramError where that is unknown."""
        if self._messenger.client.write_access.is_refused(chat_id) or not await self._access.may_use(chat_id, chat_id):
            return False
        member = await self._messenger.client.get_chat_member(chat_id, self._messenger.client.id)
        muted = isinstance(member, ChatMemberRestricted) and not (member.can_send_messages and member.can_send_photos)
        if muted or member.status in (ChatMember.LEFT, ChatMember.BANNED):
            log.info("chat %d: no round, because the bot's status there is %s", chat_id, member.status)
            return False
        return True


def current_hours(now: float) -> tuple[float, tuple[int, ...]]:
    """When the present hour of day began (seconds since 1970), and the hour of day, in this machine's time zone.

    An hour that is left out, because clocks were set forward, counts with the one after it. Of an hour that comes
    twice, because they were set back, the first one counts.
    """
    local = datetime.fromtimestamp(now)
    due = local.replace(minute=0, second=0, microsecond=0, fold=0).timestamp()
    before = datetime.fromtimestamp(due - 1).hour
    left_out = (local.hour - 1) % 24
    skipped = before == (local.hour - 2) % 24 and _is_left_out(local.replace(hour=left_out, minute=30))
    return due, (left_out, local.hour) if skipped else (local.hour,)


def _is_left_out(local: datetime) -> bool:
    """Whether clocks never show that time."""
    return datetime.fromtimestamp(local.timestamp()).hour != local.hour


def request_id(chat_id: int, due: float) -> int:
    """A negative number for the round of a chat and an hour, in place of an update's id. Collisions are improbable."""
    return -((abs(chat_id) % 10**12) * 10**6 + int(due) // HOUR_S)
