"""Who is banned now: in memory, because every update asks; in the database, because it lasts."""

import time
from collections.abc import Collection

from configs.errors import JokebotError
from storage.database import Database
from storage.learning import bans
from storage.learning.bans import BanRecord

WORD_EVERY_S = 86400.0
"""A banned person hears why nothing comes back at most once in that time."""


class UserBanned(JokebotError):
    """A person was banned while their photo waited: it is not answered."""


class BanList:
    """Changed by /ban and /unban alone. Admins are never banned: who has become one is let in."""

    def __init__(self, database: Database, admins: Collection[int], active: list[BanRecord]) -> None:
        self._database, self._admins = database, frozenset(admins)
        self._active = {one.person_id: one for one in active}
        self._told = {one.person_id: one.told_at or 0.0 for one in active}

    @classmethod
    async def load(cls, database: Database, admins: Collection[int]) -> "BanList":
        """With all bans that are in force."""
        for person_id in admins:
            await bans.lift_ban(database, person_id)
        return cls(database, admins, await bans.list_active_bans(database))

    def of(self, person_id: int) -> BanRecord | None:
        """A person's ban, while it is in force."""
        ban = self._active.get(person_id)
        return ban if ban and (ban.until is None or ban.until > time.time()) else None

    def is_banned(self, person_id: int) -> bool:
        return self.of(person_id) is not None

    async def ban(self, person_id: int, *, by: int, until: float | None = None, reason: str = "") -> BanRecord:
        """Ban somebody from now on, in place of an earlier ban. Raises ValueError for an admin."""
        if person_id in self._admins:
            raise ValueError("admins can't be banned")
        ban = self._active[person_id] = await bans.add_ban(self._database, person_id, by=by, until=until, reason=reason)
        self._told.pop(person_id, None)
        return ban

    async def lift(self, person_id: int, *, by: int) -> bool:
        """Let somebody in again; False where they weren't banned."""
        was_banned = await bans.lift_ban(self._database, person_id, by=by)
        self._active.pop(person_id, None)
        return was_banned

    async def should_notify(self, person_id: int) -> bool:
        """Whether a banned person shall be told so now: True once a day, also over restarts, for one caller alone."""
        ban, now = self.of(person_id), time.time()
        if ban is None or 0 <= now - self._told.get(person_id, 0.0) < WORD_EVERY_S:
            return False
        self._told[person_id] = now
        await bans.mark_notified(self._database, ban.id, now)
        return True
