"""How many photos each person has with us at the moment, from arrival to joke."""
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from configs.errors import JokebotError


class HandsFull(JokebotError):
    """A person has as many photos with us as one person may."""


class Hands:
    """Counts them, so that one person's hundred photos take nothing from anybody else."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: Counter[int] = Counter()

    @contextmanager
    def hold(self, person_id: int) -> Iterator[None]:
        """One photo in hand. Raises HandsFull."""
        if self._held[person_id] >= self.most:
            raise HandsFull(f"One person may have {self.most} photos in work.")
        self._held[person_id] += 1
        try:
            yield
        finally:
            self._held[person_id] -= 1
            if not self._held[person_id]:
                del self._held[person_id]
