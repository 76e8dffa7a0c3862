"""The limit of photos that a user may have in work, from arrival to joke."""

from collections import Counter
from types import TracebackType
from typing import Self

from configs.errors import JokebotError


class TooManyPending(JokebotError):
    """A user has reached the limit of photos in work."""


class PhotoToken:
    """One photo in work. As a context manager it is released at the end of the block."""

    def __init__(self, pending: Counter[int], user_id: int) -> None:
        self._pending, self._user_id = pending, user_id
        self._released = False
        pending[user_id] += 1

    def release(self) -> None:
        """Allow another photo in its place. A second call does nothing."""
        if self._released:
            return
        self._released = True
        self._pending[self._user_id] -= 1
        if not self._pending[self._user_id]:
            del self._pending[self._user_id]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class UserLimiter:
    """Counts photos in work by user. `limit` is the most for one user, so that no user slows the others down."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held: Counter[int] = Counter()

    def acquire(self, user_id: int) -> PhotoToken:
        """A token for one photo. Raises TooManyPending."""
        if self._held[user_id] >= self.limit:
            raise TooManyPending(f"A user may have {self.limit} photos in work.")
        return PhotoToken(self._held, user_id)
