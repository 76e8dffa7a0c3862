"""The bans in force, cached in memory because every update is checked against them."""

import time
from collections.abc import Collection

from configs.errors import JokebotError
from storage.database import Database
from storage.learning import bans
from storage.learning.bans import BanRecord

NOTICE_INTERVAL_S = 86400.0
"""A banned user is notified of the ban at most once in this time."""


class UserBanned(JokebotError):
    """A user was banned while their photo waited; the photo gets no answer."""


class BanList:
    """Changed only by /ban and /unban. Admins can't be banned; a banned user who becomes an admin is unbanned."""

    def __init__(self, database: Database, admins: Collection[int], active: list[BanRecord]) -> None:
        self._database, self._admins = database, frozenset(admins)
        self._active = {ban.person_id: ban for ban in active}
        self._notified_at = {ban.person_id: ban.told_at or 0.0 for ban in active}

    @classmethod
    async def load(cls, database: Database, admins: Collection[int]) -> "BanList":
        """With all bans in force. Lifts the bans of admins."""
        for user_id in admins:
            await bans.lift_ban(database, user_id)
        return cls(database, admins, await bans.list_active_bans(database))

    def active_ban(self, user_id: int) -> BanRecord | None:
        """A user's ban, while it is in force."""
        ban = self._active.get(user_id)
        return ban if ban and (ban.until is None or ban.until > time.time()) else None

    def is_banned(self, user_id: int) -> bool:
        return self.active_ban(user_id) is not None

    async def ban(self, user_id: int, *, by: int, until: float | None = None, reason: str = "") -> BanRecord:
        """Ban a user from now on, replacing an earlier ban. Raises ValueError for an admin."""
        if user_id in self._admins:
            raise ValueError("admins can't be banned")
        ban = self._active[user_id] = await bans.add_ban(self._database, user_id, by=by, until=until, reason=reason)
        self._notified_at.pop(user_id, None)
        return ban

    async def lift(self, user_id: int, *, by: int) -> bool:
        """End a user's ban; False where there was none."""
        was_banned = await bans.lift_ban(self._database, user_id, by=by)
        self._active.pop(user_id, None)
        return was_banned

    async def should_notify(self, user_id: int) -> bool:
        """Whether to notify a banned user now; True once in NOTICE_INTERVAL_S, for one caller, restarts included."""
        ban, now = self.active_ban(user_id), time.time()
        if ban is None or 0 <= now - self._notified_at.get(user_id, 0.0) < NOTICE_INTERVAL_S:
            return False
        self._notified_at[user_id] = now
        await bans.mark_notified(self._database, ban.id, now)
        return True
