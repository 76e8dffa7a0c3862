"""The fair queue in front of the engine: no user's tenth photo goes before another user's first.

A photo's rank is its number among its sender's unanswered photos. Lower ranks go first; within a rank the earlier
photo goes first. So users take turns: a new user's photos catch up with those of the other users.

What the engine can do beyond the photos is lent to them for further candidates of their jokes, and recalled as soon as
a photo waits or needs it.
"""

import asyncio
import time
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from configs.errors import JokebotError
from configs.settings import Settings

OnPosition = Callable[[int], Awaitable[None]]


class QueueFull(JokebotError):
    """The queue is full. With `mine`, only this user's part is full, until one of their photos is answered."""

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


@dataclass(eq=False)
class SlotLoan:
    """Requests that a photo may have at the engine beside its own: `count`, 0 once they are recalled.

    `on_recall` is called then; the borrower cancels them.
    """

    count: int
    on_recall: Callable[[], None]


class FairQueue:
    """At most `in_flight` photos at the engine and `waiting` in the queue, of these `waiting_per_user` of one user.

    `capacity` is the number of requests up to which photos get further ones; by default there are none. Positions are
    reported at most once in `report_every_s` seconds.
    """

    def __init__(
        self,
        in_flight: int,
        waiting_per_user: int,
        waiting: int,
        *,
        capacity: int = 0,
        report_every_s: float = 1.0,
    ) -> None:
        self._free_slots, self._capacity = in_flight, capacity
        self._loans: list[SlotLoan] = []
        self._max_per_user, self._max_waiting, self._report_every_s = waiting_per_user, waiting, report_every_s
        self._users: dict[int, _UserPhotos] = {}
        self._tickets: list[_QueueTicket] = []
        self._ticket_count = 0
        self._hold_reason = ""
        self._in_flight = 0
        self._reported_at = float("-inf")
        self._report_due: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, settings: Settings) -> "FairQueue":
        """The queue with the limits of the settings."""
        limits = settings.limits
        return cls(
            settings.in_flight,
            limits.max_queued_photos_per_user,
            limits.max_queued_photos,
            capacity=settings.candidate_capacity,
        )

    @property
    def waiting(self) -> int:
        """How many photos wait."""
        return len(self._tickets)

    @property
    def longest_wait_s(self) -> float:
        """The longest time that a photo in the queue has waited; 0 for an empty queue."""
        return time.monotonic() - min((ticket.entered_at for ticket in self._tickets), default=time.monotonic())

    @property
    def in_flight(self) -> int:
        """How many requests are at the engine, further candidates included."""
        return self._in_flight + self._lent

    @property
    def hold_reason(self) -> str:
        """Why no photo goes to the engine now; "" while photos go."""
        return self._hold_reason

    def hold(self, reason: str) -> None:
        """Let no photo go to the engine until this is called with "". All positions are reported again."""
        self._hold_reason = reason
        for ticket in self._tickets:
            ticket.position = 0
        self._advance()

    @asynccontextmanager
    async def acquire_slot(self, user_id: int, on_position: OnPosition | None = None) -> AsyncIterator[None]:
        """Wait for a slot at the engine and hold it during the block.

        `on_position` gets the position in the queue (1 is the next) when the photo has to wait and after each change.
        The photo's turn waits until `on_position` has returned. Raises QueueFull at once if the queue is full.
        """
        ticket = self._enqueue(user_id, reports=on_position is not None)
        try:
            while not ticket.granted:
                await ticket.changed.wait()
                ticket.changed.clear()
                if on_position and not ticket.granted:
                    await on_position(ticket.position)
            yield
        finally:
            self._release(ticket)

    @contextmanager
    def borrow(self, count: int, on_recall: Callable[[], None]) -> Iterator[SlotLoan]:
        """Lend a photo that has its turn up to `count` further requests during the block.

        There are none while a photo waits. Later photos have precedence: `on_recall` is called when they need the room.
        """
        spare = 0 if self._tickets or self._hold_reason else self._capacity - self.in_flight
        loan = SlotLoan(max(0, min(count, spare)), on_recall)
        self._loans.append(loan)
        try:
            yield loan
        finally:
            self._loans.remove(loan)

    @property
    def _lent(self) -> int:
        return sum(loan.count for loan in self._loans)

    def _enqueue(self, user_id: int, *, reports: bool) -> _QueueTicket:
        user = self._users.get(user_id) or _UserPhotos(user_id)
        if self._tickets or self._hold_reason or not self._free_slots:
            if user.waiting >= self._max_per_user:
                raise QueueFull(mine=True)
            if len(self._tickets) >= self._max_waiting:
                raise QueueFull(mine=False)
        self._users[user_id] = user
        # A user's photos keep their order, even if earlier ones were answered in the meantime.
        user.last_rank = max(user.unanswered, user.last_rank if user.waiting else 0) + 1
        self._ticket_count += 1
        ticket = _QueueTicket(user.last_rank, self._ticket_count, user, reports)
        user.unanswered += 1
        user.waiting += 1
        insort(self._tickets, ticket)
        self._advance()
        return ticket

    def _release(self, ticket: _QueueTicket) -> None:
        user = ticket.user
        user.unanswered -= 1
        if ticket.granted:
            self._free_slots += 1
            self._in_flight -= 1
        else:
            user.waiting -= 1
            del self._tickets[bisect_left(self._tickets, ticket)]
        if not user.unanswered:
            del self._users[user.id]
        self._advance()

    def _advance(self) -> None:
        """Give free slots to the first photos in the queue, and schedule a report to the rest."""
        while self._free_slots and self._tickets and not self._hold_reason:
            ticket = self._tickets.pop(0)
            ticket.user.waiting -= 1
            ticket.granted = True
            self._free_slots -= 1
            self._in_flight += 1
            ticket.changed.set()
        for loan in reversed(self._loans):
            if loan.count and (self._tickets or self.in_flight > self._capacity):
                loan.count = 0
                loan.on_recall()
        if self._tickets and self._report_due is None:
            due = max(0.0, self._reported_at + self._report_every_s - time.monotonic())
            self._report_due = asyncio.get_running_loop().call_later(due, self._report_positions)

    def _report_positions(self) -> None:
        """Wake the tasks whose position has changed; each reports it by itself."""
        self._report_due, self._reported_at = None, time.monotonic()
        for position, ticket in enumerate(self._tickets, 1):
            if ticket.reports and ticket.position != position:
                ticket.position = position
                ticket.changed.set()
