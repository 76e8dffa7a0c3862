"""What was sent is written down before the next message goes out: so a kill repeats one message at most.

Telegram takes a message without a key by which it would know it again, and a bot can't look up what it has sent. A
message that was on its way when the process was killed is therefore sent again: it may have arrived or not, and lost
would be worse. Two on their way would make two such messages, so there is one at a time (`Window`), from its sending
until its row is committed.
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
"""How long a stop waits for a message that is on its way."""
Note = Callable[[int], Awaitable[object]]
"""Writes down that a message was sent; gets its id."""


@dataclass(frozen=True)
class JournalEntry:
    """A place for one message: `note` writes down that it was sent; `message_id` is set where an earlier process
    sent it.
    """

    note: Note
    message_id: int | None = None

    def answer(self, chat_id: int) -> dict[str, Any]:
        """Telegram's answer to the message that an earlier process sent."""
        chat = {"id": chat_id, "type": "private" if chat_id > 0 else "group"}
        return {"message_id": self.message_id, "date": 0, "chat": chat}


_slots: ContextVar[Callable[[], JournalEntry] | None] = ContextVar("slots", default=None)


def next_entry() -> JournalEntry | None:
    """The place for the message that is about to be sent; None where nobody keeps one."""
    slots = _slots.get()
    return slots() if slots else None


@contextlib.contextmanager
def journal_sends(note: Note) -> Iterator[None]:
    """What is sent inside is written down by `note`."""
    with _kept_in(lambda: JournalEntry(note)):
        yield


@contextlib.contextmanager
def journal_replies(database: Database, update_id: int, sent: dict[int, int]) -> Iterator[None]:
    """What is sent inside answers an update: its messages are counted and written down with it, and those that an
    earlier process has sent (`sent`: message ids by number) are not sent again."""
    numbers = itertools.count()

    def slot() -> JournalEntry:
        number = next(numbers)

        async def note(message_id: int) -> None:
            try:
                await inbox.record_reply(database, update_id, number, message_id)
            except sqlite3.Error as error:
                log.warning("update %d: a reply that was sent can't be noted: %s", update_id, error)

        return JournalEntry(note, sent.get(number))

    with _kept_in(slot):
        yield


@contextlib.contextmanager
def _kept_in(slots: Callable[[], JournalEntry]) -> Iterator[None]:
    token = _slots.set(slots)
    try:
        yield
    finally:
        _slots.reset(token)


async def finish_despite_cancel(sending: Coroutine[Any, Any, T]) -> T:
    """What `sending` returns.

    A cancellation gives it GRACE_S to be sent and noted, so that the next start doesn't send it again.
    """
    task = asyncio.create_task(sending)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=GRACE_S)
        task.cancel()
        raise
