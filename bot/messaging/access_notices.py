"""Messages about who may use the bot: questions to admins, their outcome, and the answer to the users and groups.

Requests, decisions and sent messages are rows, so a restart repeats no message and forgets no request. Each admin has
at most MAX_OPEN open questions; the next one comes when one of them is decided.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.chats.access_list import AccessList
from bot.chats.user_names import UserNames, display_name, sanitize_name
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.runtime.periodic import Periodic
from bot.telegram.rate_limiter import CallDropped
from bot.telegram.send_journal import finish_despite_cancel
from storage.chat import access, held_updates
from storage.chat.access import AccessQuestion, AccessRecord, State
from storage.chat.user_activity import UserName
from storage.database import Database

log = logging.getLogger(__name__)

MAX_OPEN = 3
"""Open questions in an admin's chat."""
CHECK_INTERVAL_S = 10.0
"""Between two rounds; a request or a decision begins one at once."""
RETRY_S = 60.0
"""Until the next question to an admin who can't be reached, as before their first message to the bot."""
TOLD: dict[State, Collection[str]] = {
    "allowed": ("access-welcome", "access-welcome-group"),
    "refused": ("access-refused", "access-refused-group"),
}
MakeButton = Callable[[str, int], str]
"""The callback data of an answer ("yes" or "no") about the record with that id."""


class AccessNotices:
    """Sends what is due in its `job`. `make_button` encodes the admins' buttons."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        access_list: AccessList,
        names: UserNames,
        notifier: AdminNotifier,
        make_button: MakeButton,
    ) -> None:
        self._messenger, self._database, self._access, self._names = messenger, database, access_list, names
        self._notifier, self._make_button = notifier, make_button
        self._woken = asyncio.Event()
        self._retry_at: dict[int, float] = {}
        self._released = 0
        self._is_first_round = True

    def wake(self) -> None:
        """Begin the next round at once."""
        self._woken.set()

    def job(self, resume_updates: Callable[[], None]) -> Periodic:
        """The rounds. `resume_updates` is called when held photos are back in the inbox."""
        return Periodic("access", CHECK_INTERVAL_S, partial(self.run, resume_updates), sleep=self._sleep)

    async def run(self, resume_updates: Callable[[], None]) -> None:
        """One round. Raises sqlite3.Error."""
        if self._is_first_round:
            await access.allow_known(self._database, self._access.known_ids)
            self._is_first_round = False
        if self._access.asks_admins and await access.count_waiting(self._database):
            await access.refuse_banned(self._database)
            for admin_id in self._notifier.admins:
                await self._ask(admin_id)
        for question in await access.list_outdated_questions(self._database):
            await self._show_outcome(question)
        for record in await access.list_untold(self._database, TOLD):
            await self._tell(record)
        released = await held_updates.release_held(self._database)
        if released or self._released:  # once more in the next round: one of them may just be ending its first one
            resume_updates()
        self._released = released

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _ask(self, admin_id: int) -> None:
        """Ask an admin about the oldest requests, up to MAX_OPEN open ones."""
        open_count = await access.count_waiting(self._database, admin_id)
        more = await access.count_waiting(self._database) - open_count
        for record in await access.list_unasked(self._database, admin_id, max(0, MAX_OPEN - open_count)):
            if time.monotonic() < self._retry_at.get(admin_id, 0.0):
                return
            more, open_count = more - 1, open_count + 1
            await self._send_question(admin_id, record, more if open_count == MAX_OPEN else 0)

    async def _send_question(self, admin_id: int, record: AccessRecord, more: int) -> None:
        language = await self._notifier.language(admin_id)
        text = self._messenger.translator.format(
            language,
            f"access-ask-{_kind(record)}",
            who=await self._name(record.chat_id, record.title),
            by=await self._name(record.asked_by) if record.asked_by else "?",
            more=more,
        )
        sending = self._messenger.send(
            admin_id,
            text,
            keyboard=self._keyboard(language, record, ("yes", "no")),
            note=lambda message_id: access.record_question(self._database, record.id, admin_id, message_id, "waiting"),
        )
        try:
            await finish_despite_cancel(sending)
            self._retry_at.pop(admin_id, None)
        except (TelegramError, CallDropped) as error:
            level = logging.DEBUG if admin_id in self._retry_at else logging.WARNING  # once until it works
            log.log(level, "admin %d can't be asked about a stranger: %s", admin_id, error)
            self._retry_at[admin_id] = time.monotonic() + RETRY_S

    async def _show_outcome(self, question: AccessQuestion) -> None:
        """Replace a question by the decision, with a button for the other one."""
        record, language = question.record, await self._notifier.language(question.admin_id)
        text = self._messenger.translator.format(
            language,
            f"access-is-{record.state}",
            who=await self._name(record.chat_id, record.title),
            by=await self._name(record.decided_by) if record.decided_by else "none",
        )
        other = {"allowed": ("no",), "refused": ("yes",), "waiting": ("yes", "no")}.get(record.state, ())
        keyboard = self._keyboard(language, record, other) if other else None
        try:
            await self._messenger.edit(question.admin_id, question.message_id, text, keyboard)
        except (Forbidden, BadRequest) as error:
            log.info("the question to admin %d can't be changed: %s", question.admin_id, error)
        except (TelegramError, CallDropped) as error:
            log.info("the question to admin %d is changed later: %s", question.admin_id, error)
            return
        await access.record_question(self._database, record.id, question.admin_id, question.message_id, record.state)

    async def _tell(self, record: AccessRecord) -> None:
        """Tell a user or group the decision; leave a group that was refused."""
        word = "welcome" if record.state == "allowed" else "refused"
        key = f"access-{word}{'-group' if record.chat_id < 0 else ''}"
        text = self._messenger.translator.format(record.language or "", key)
        try:
            await finish_despite_cancel(
                self._messenger.send(
                    record.chat_id, text, note=lambda _: access.mark_told(self._database, record.id, key)
                )
            )
        except (Forbidden, BadRequest) as error:
            log.info("chat %d can't be told that it is %s: %s", record.chat_id, record.state, error)
            await access.mark_told(self._database, record.id, key)
        except (TelegramError, CallDropped) as error:
            log.info("chat %d is told later that it is %s: %s", record.chat_id, record.state, error)
            return
        if record.chat_id < 0 and record.state == "refused":
            await self.leave(record.chat_id)

    async def leave(self, chat_id: int) -> None:
        """Leave a group."""
        try:
            await self._messenger.client.leave_chat(chat_id)
        except TelegramError as error:
            log.info("the bot can't leave chat %d: %s", chat_id, error)

    async def _name(self, chat_id: int, title: str | None = None) -> str:
        """A user's or a group's name with its id."""
        if title is not None:
            return f"{sanitize_name(title)} · {chat_id}"
        return display_name(await self._names.get(chat_id) or UserName(chat_id, "?"))

    def _keyboard(self, language: str, record: AccessRecord, answers: Collection[str]) -> InlineKeyboardMarkup:
        row = [
            InlineKeyboardButton(
                self._messenger.translator.format(language, f"access-{answer}"),
                callback_data=self._make_button(answer, record.id),
            )
            for answer in answers
        ]
        return InlineKeyboardMarkup([row])


def _kind(record: AccessRecord) -> str:
    return "group" if record.chat_id < 0 else "user"
