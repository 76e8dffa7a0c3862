"""Users' names for admins: noted with each update, written to the database together every few seconds."""

import asyncio
import re
import sqlite3
import unicodedata
from collections import OrderedDict

from telegram import User

from bot.runtime.periodic import Periodic
from storage.chat.user_activity import UserName, get_user_by_username, get_user_name, record_names
from storage.database import Database

WRITE_INTERVAL_S = 2.0
MAX_CACHED = 10_000
"""Users whose names are cached, so that the name of an active user is written once."""
MAX_NAME_LENGTH = 40
USERNAME = re.compile(r"\w{1,32}", re.ASCII)


class UserNames:
    """`note` each update's user; `job` writes new names every few seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cached: OrderedDict[int, UserName] = OrderedDict()
        self._new: dict[int, UserName] = {}
        self._writing = asyncio.Lock()

    def note(self, user: User | None) -> None:
        """Remember a user's current name. Bots and None are ignored."""
        if user is None or user.is_bot:
            return
        username = user.username if USERNAME.fullmatch(user.username or "") else None
        name = UserName(user.id, sanitize_name(user.full_name), username)
        if self._cached.get(user.id) == name:
            return
        self._cached[user.id] = self._new[user.id] = name
        if len(self._cached) > MAX_CACHED:
            self._cached.popitem(last=False)

    async def forget(self, user_id: int) -> None:
        """Drop a user who is about to be deleted from the database. Afterwards no write of their name is pending."""
        async with self._writing:
            self._cached.pop(user_id, None)
            self._new.pop(user_id, None)

    async def find(self, username: str) -> UserName | None:
        """The user with that username, without @, in any case."""
        await self.write()
        return await get_user_by_username(self._database, username)

    async def get(self, user_id: int) -> UserName | None:
        """A user's name; None for a user who was never seen."""
        return self._cached.get(user_id) or await get_user_name(self._database, user_id)

    async def write(self) -> None:
        """Write new names. Raises sqlite3.Error; the names are then written by a later call."""
        async with self._writing:
            new, self._new = self._new, {}
            if not new:
                return
            try:
                await record_names(self._database, new.values())
            except sqlite3.Error:
                self._new = {**new, **self._new}
                raise

    def job(self) -> Periodic:
        """Calls `write` every WRITE_INTERVAL_S."""
        return Periodic("user-names", WRITE_INTERVAL_S, self.write, first_after_s=WRITE_INTERVAL_S)


def sanitize_name(name: str | None, max_length: int = MAX_NAME_LENGTH) -> str:
    """A name, or a ban's reason, as one short line without control characters, so that it can't break a list.

    "?" for one without visible letters. Telegram leaves the name of some accounts empty.
    """
    visible = "".join(letter for letter in name or "" if letter.isspace() or unicodedata.category(letter)[0] != "C")
    return " ".join(visible.split())[:max_length].rstrip() or "?"


def display_name(user: UserName) -> str:
    """A user's name with @username and id."""
    return " · ".join(filter(None, (user.name, f"@{user.username}" if user.username else "", str(user.person_id))))
