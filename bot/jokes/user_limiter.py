"""How many photos each person has with us at the moment, from arrival to joke."""

from collections import Counter
from types import TracebackType
from typing import Self

from configs.errors import JokebotError


class TooManyPending(JokebotError):
    """A person has as many photos with us as one person may."""


class PhotoToken:
    """One photo in work. Release it once; as a context manager it is released at the end of the block."""

    def __init__(self, pending: Counter[int], user_id: int) -> None:
        self._pending, self._user_id = pending, user_id
        self._released = False
        pending[user_id] += 1

    def release(self) -> None:
        """Another photo may come in its place. Does nothing the second time."""
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
    """Counts them, so that one user's hundred photos take nothing from anybody else. `limit` photos for each user."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held: Counter[int] = Counter()

    def acquire(self, user_id: int) -> PhotoToken:
        """A token for one photo. Raises TooManyPending."""
        if self._held[user_id] >= self.limit:
            raise TooManyPending(f"One person may have {self.limit} photos in work.")
        return PhotoToken(self._held, user_id)
