"""What people are called, for admins: noted as they come by, written down together every few seconds."""

import asyncio
import re
import sqlite3
import unicodedata
from collections import OrderedDict

from telegram import User

from bot.runtime.periodic import Periodic
from storage.chat.user_activity import UserName, get_user_by_username, get_user_name, record_names
from storage.database import Database

EVERY_S = 2.0
KNOWN = 10_000
"""People whose names are in memory, so that one who sends much is written down once."""
LONGEST = 40
USERNAME = re.compile(r"\w{1,32}", re.ASCII)


class UserNames:
    """`note` whoever comes by; `job` writes down what is new, every few seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[int, UserName] = OrderedDict()
        self._new: dict[int, UserName] = {}
        self._writing = asyncio.Lock()

    def note(self, person: User | None) -> None:
        """Somebody came by."""
        if person is None or person.is_bot:
            return
        one = UserName(
            person.id,
            sanitize_name(person.full_name),
            person.username if USERNAME.fullmatch(person.username or "") else None,
        )
        if self._known.get(one.person_id) == one:
            return
        self._known[one.person_id] = self._new[one.person_id] = one
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)

    async def forget(self, person_id: int) -> None:
        """Drop somebody who is about to be deleted from the database: once this returns, nothing about them is on
        its way there.
        """
        async with self._writing:
            self._known.pop(person_id, None)
            self._new.pop(person_id, None)

    async def find(self, username: str) -> UserName | None:
        """Who has that username, without @, in capitals or not."""
        await self.write()
        return await get_user_by_username(self._database, username)

    async def of(self, person_id: int) -> UserName | None:
        """What somebody is called, where they were seen."""
        return self._known.get(person_id) or await get_user_name(self._database, person_id)

    async def write(self) -> None:
        """Write down what is new. Raises sqlite3.Error; then it is still to be written."""
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
        """`write`, again and again."""
        return Periodic("user-names", EVERY_S, self.write, first_after_s=EVERY_S)


def sanitize_name(name: str, most: int = LONGEST) -> str:
    """A name, or a reason, as one short line without control characters: whatever people call themselves, it breaks
    no list.
    """
    shown = "".join(letter for letter in name if letter.isspace() or unicodedata.category(letter)[0] != "C")
    return " ".join(shown.split())[:most].rstrip() or "?"
