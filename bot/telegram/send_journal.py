"""Records each sent message before the next one is sent, so a kill repeats at most one message.

The Bot API has no idempotency key, and a bot can't list what it has sent. A message that was being sent when the
process was killed may have arrived or not; it is sent again, because losing it would be worse. To have one such message
at most, sending is limited (`SendWindow`), from the call until the message's row is committed.
"""

import asyncio
import contextlib
import itertools
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from storage.chat import inbox
from storage.database import Database

log = logging.getLogger(__name__)

T = TypeVar("T")
GRACE_S = 5.0
"""How long a stop waits for a message that is being sent."""
Note = Callable[[int], Awaitable[object]]
"""Records a sent message; gets its id."""


class MessageNotRecorded(sqlite3.OperationalError):
    """A message was sent, and its note can't be stored now."""

    def __init__(self, message_id: int, cause: sqlite3.Error) -> None:
        super().__init__(str(cause))
        self.message_id = message_id
        self.sqlite_errorcode = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)


@dataclass(frozen=True)
class JournalEntry:
    """The entry of one message: `note` records it; `message_id` is set where an earlier process has sent it."""

    note: Note
    message_id: int | None = None

    def response(self, chat_id: int) -> dict[str, Any]:
        """A response of Telegram, in place of that to the earlier process."""
        chat = {"id": chat_id, "type": "private" if chat_id > 0 else "group"}
        return {"message_id": self.message_id, "date": 0, "chat": chat}


_entries: ContextVar[Callable[[], JournalEntry] | None] = ContextVar("journal_entries", default=None)


def next_entry() -> JournalEntry | None:
    """The entry for the message that is about to be sent; None outside of a journal."""
    make_entry = _entries.get()
    return make_entry() if make_entry else None


@contextlib.contextmanager
def journal_sends(note: Note) -> Iterator[None]:
    """Messages sent in the block are recorded by `note`."""
    with _journal(lambda: JournalEntry(note)):
        yield


@contextlib.contextmanager
def journal_replies(database: Database, update_id: int, sent: dict[int, int]) -> Iterator[None]:
    """Messages sent in the block are numbered and recorded as replies to an update, in `sent` and in the database.

    Those in `sent` (message id by number), which an earlier attempt has sent, are not sent again.
    """
    numbers = itertools.count()

    def make_entry() -> JournalEntry:
        number = next(numbers)

        async def note(message_id: int) -> None:
            sent[number] = message_id
            try:
                await inbox.record_reply(database, update_id, number, message_id)
            except sqlite3.Error as error:
                log.warning("update %d: a sent reply can't be recorded: %s", update_id, error)

        return JournalEntry(note, sent.get(number))

    with _journal(make_entry):
        yield


@contextlib.contextmanager
def _journal(make_entry: Callable[[], JournalEntry]) -> Iterator[None]:
    token = _entries.set(make_entry)
    try:
        yield
    finally:
        _entries.reset(token)


async def finish_despite_cancel(sending: Coroutine[Any, Any, T]) -> T:
    """Await `sending`; on cancellation it gets GRACE_S to finish, so that the next start doesn't repeat the message."""
    task = asyncio.create_task(sending)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=GRACE_S)
        task.cancel()
        raise
