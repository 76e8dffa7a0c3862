"""The fair queue in front of the engine: no user's tenth photo goes before another user's first.

A photo's rank is its number among its sender's unanswered photos. Lower ranks go first, and within a rank the earlier
photo. So users take turns, and a new user's photos catch up with the others' before they wait in turn.
"""

import asyncio
import time
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from configs.errors import JokebotError
from configs.settings import Settings

OnPlace = Callable[[int], Awaitable[None]]


class QueueFull(JokebotError):
    """The queue is full; with `mine`, this user's part of it, until one of their photos is answered."""

    def __init__(self, *, mine: bool) -> None:
        super().__init__(
            "You have too many photos waiting; send more when some are answered."
            if mine
            else "Too many photos are waiting; try again in a few minutes."
        )
        self.mine = mine


@dataclass(order=True)
class _QueueTicket:
    rank: int
    number: int
    user: "_UserPhotos" = field(compare=False)
    reports: bool = field(compare=False)
    """Whether changes of the position are reported."""
    position: int = field(default=0, compare=False)
    granted: bool = field(default=False, compare=False)
    entered_at: float = field(default_factory=time.monotonic, compare=False)
    changed: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


@dataclass
class _UserPhotos:
    """A user's unanswered photos: how many, how many of them wait, and the rank of the latest."""

    id: int
    unanswered: int = 0
    waiting: int = 0
    last_rank: int = 0


class FairQueue:
    """At most `in_flight` requests at the engine, `waiting` behind them, `waiting_per_person` of these for one user.

    Positions are reported at most once in `report_every_s` seconds.
    """

    def __init__(self, in_flight: int, waiting_per_person: int, waiting: int, *, report_every_s: float = 1.0) -> None:
        self._free = in_flight
        self._max_per_user, self._max_waiting, self._report_every_s = waiting_per_person, waiting, report_every_s
        self._users: dict[int, _UserPhotos] = {}
        self._tickets: list[_QueueTicket] = []
        self._entered = 0
        self._held = ""
        self._in_flight = 0
        self._reported_at = float("-inf")
        self._report_due: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, settings: Settings) -> "FairQueue":
        """The queue with the bounds of the settings."""
        return cls(settings.in_flight, settings.limits.max_queued_photos_per_user, settings.limits.max_queued_photos)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._tickets)

    @property
    def longest_wait_s(self) -> float:
        """The longest time that a photo in the queue has waited; 0 for an empty queue."""
        return time.monotonic() - min((ticket.entered_at for ticket in self._tickets), default=time.monotonic())

    @property
    def in_flight(self) -> int:
        """How many requests are at the engine."""
        return self._in_flight

    @property
    def held(self) -> str:
        """Why no photo goes to the engine now, "" where they go."""
        return self._held

    def hold(self, reason: str) -> None:
        """Let no photo go to the engine until this is called with ""; all positions are reported again."""
        self._held = reason
        for ticket in self._tickets:
            ticket.position = 0
        self._advance()

    @asynccontextmanager
    async def place(self, person_id: int, on_place: OnPlace | None = None) -> AsyncIterator[None]:
        """Wait for a place at the engine and hold it during the block.

        `on_place` gets the position in the queue, 1 for the next, when there is a wait and when it has changed; the
        photo's turn waits for it to return. Raises QueueFull at once where the queue is full.
        """
        ticket = self._enter(person_id, reports=on_place is not None)
        try:
            while not ticket.granted:
                await ticket.changed.wait()
                ticket.changed.clear()
                if on_place and not ticket.granted:
                    await on_place(ticket.position)
            yield
        finally:
            self._leave(ticket)

    def _enter(self, person_id: int, *, reports: bool) -> _QueueTicket:
        user = self._users.get(person_id) or _UserPhotos(person_id)
        if self._tickets or self._held or not self._free:
            if user.waiting >= self._max_per_user:
                raise QueueFull(mine=True)
            if len(self._tickets) >= self._max_waiting:
                raise QueueFull(mine=False)
        self._users[person_id] = user
        # A user's photos keep their order, also when earlier ones were answered meanwhile.
        user.last_rank = max(user.unanswered, user.last_rank if user.waiting else 0) + 1
        self._entered += 1
        ticket = _QueueTicket(user.last_rank, self._entered, user, reports)
        user.unanswered += 1
        user.waiting += 1
        insort(self._tickets, ticket)
        self._advance()
        return ticket

    def _leave(self, ticket: _QueueTicket) -> None:
        user = ticket.user
        user.unanswered -= 1
        if ticket.granted:
            self._free += 1
            self._in_flight -= 1
        else:
            user.waiting -= 1
            del self._tickets[bisect_left(self._tickets, ticket)]
        if not user.unanswered:
            del self._users[user.id]
        self._advance()

    def _advance(self) -> None:
        """Give free places to the first in the queue, and schedule a report to the others."""
        while self._free and self._tickets and not self._held:
            ticket = self._tickets.pop(0)
            ticket.user.waiting -= 1
            ticket.granted = True
            self._free -= 1
            self._in_flight += 1
            ticket.changed.set()
        if self._tickets and self._report_due is None:
            due = max(0.0, self._reported_at + self._report_every_s - time.monotonic())
            self._report_due = asyncio.get_running_loop().call_later(due, self._report)

    def _report(self) -> None:
        """Wake the tasks whose position has changed; each reports it by itself."""
        self._report_due, self._reported_at = None, time.monotonic()
        for position, ticket in enumerate(self._tickets, 1):
            if ticket.reports and ticket.position != position:
                ticket.position = position
                ticket.changed.set()
