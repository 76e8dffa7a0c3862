"""The fair queue in front of the engine: nobody's tenth photo goes before somebody's first.

Each photo has a rank, its number among those that its sender has unanswered; lower ranks go first, and within a rank the
earlier photo. So people take turns, and a newcomer's photos catch up with what the others had before they wait in turn.
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
    """There is no place left: for anybody, or, where `mine` is true, for this person until one of theirs is answered."""

    def __init__(self, *, mine: bool) -> None:
        super().__init__("You have too many photos waiting; send more when some are answered." if mine else
                         "Too many photos are waiting; try again in a few minutes.")
        self.mine = mine


@dataclass(order=True)
class _Ticket:
    rank: int
    number: int
    person: "_Person" = field(compare=False)
    heard: bool = field(compare=False)
    """Whether somebody wants to be told the place."""
    place: int = field(default=0, compare=False)
    granted: bool = field(default=False, compare=False)
    entered_at: float = field(default_factory=time.monotonic, compare=False)
    changed: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


@dataclass
class _Person:
    """Somebody with unanswered photos: how many, how many of them wait, and the rank of the last that came."""

    id: int
    unanswered: int = 0
    waiting: int = 0
    last_rank: int = 0


class FairQueue:
    """At most `in_flight` holders at the same time, `waiting` behind them, `waiting_per_person` of these for one person.

    Places are told at most once in `report_every_s` seconds, all changes since then in one.
    """

    def __init__(self, in_flight: int, waiting_per_person: int, waiting: int, *, report_every_s: float = 1.0) -> None:
        self._free = in_flight
        self._per_person, self._most, self._every = waiting_per_person, waiting, report_every_s
        self._people: dict[int, _Person] = {}
        self._line: list[_Ticket] = []
        self._entered = 0
        self._held = ""
        self._in_flight = 0
        self._reported_at = float("-inf")
        self._report_due: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, settings: Settings) -> "FairQueue":
        """The queue with the bounds of the settings."""
        return cls(settings.in_flight, settings.limits.photos_waiting_per_person, settings.limits.photos_waiting)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._line)

    @property
    def longest_wait_s(self) -> float:
        """How long the one has waited who waits longest; 0 where nobody does."""
        return time.monotonic() - min((ticket.entered_at for ticket in self._line), default=time.monotonic())

    @property
    def in_flight(self) -> int:
        """How many hold a place at the engine."""
        return self._in_flight

    @property
    def held(self) -> str:
        """Why nobody's turn comes now, or ""."""
        return self._held

    def hold(self, reason: str) -> None:
        """Give no places at the engine until it is called with ""; all that wait are told their place again."""
        self._held = reason
        for ticket in self._line:
            ticket.place = 0
        self._advance()

    @asynccontextmanager
    async def place(self, person_id: int, on_place: OnPlace | None = None) -> AsyncIterator[None]:
        """Hold one of the places at the engine during the block, after waiting for it.

        `on_place` gets the number in the line, 1 for the next, when there is a wait and when it has changed; the turn
        waits for it to return. Raises QueueFull at once where there is no room to wait.
        """
        ticket = self._enter(person_id, heard=on_place is not None)
        try:
            while not ticket.granted:
                await ticket.changed.wait()
                ticket.changed.clear()
                if on_place and not ticket.granted:
                    await on_place(ticket.place)
            yield
        finally:
            self._leave(ticket)

    def _enter(self, person_id: int, *, heard: bool) -> _Ticket:
        person = self._people.get(person_id) or _Person(person_id)
        if self._line or self._held or not self._free:
            if person.waiting >= self._per_person:
                raise QueueFull(mine=True)
            if len(self._line) >= self._most:
                raise QueueFull(mine=False)
        self._people[person_id] = person
        # One's own photos keep their order, also when earlier ones were answered meanwhile.
        person.last_rank = max(person.unanswered, person.last_rank if person.waiting else 0) + 1
        self._entered += 1
        ticket = _Ticket(person.last_rank, self._entered, person, heard)
        person.unanswered += 1
        person.waiting += 1
        insort(self._line, ticket)
        self._advance()
        return ticket

    def _leave(self, ticket: _Ticket) -> None:
        person = ticket.person
        person.unanswered -= 1
        if ticket.granted:
            self._free += 1
            self._in_flight -= 1
        else:
            person.waiting -= 1
            del self._line[bisect_left(self._line, ticket)]
        if not person.unanswered:
            del self._people[person.id]
        self._advance()

    def _advance(self) -> None:
        """Give free places to the first in the line, and see that the others hear of it."""
        while self._free and self._line and not self._held:
            ticket = self._line.pop(0)
            ticket.person.waiting -= 1
            ticket.granted = True
            self._free -= 1
            self._in_flight += 1
            ticket.changed.set()
        if self._line and self._report_due is None:
            due = max(0.0, self._reported_at + self._every - time.monotonic())
            self._report_due = asyncio.get_running_loop().call_later(due, self._report)

    def _report(self) -> None:
        """Wake those whose place has changed; each tells it in its own task."""
        self._report_due, self._reported_at = None, time.monotonic()
        for place, ticket in enumerate(self._line, 1):
            if ticket.heard and ticket.place != place:
                ticket.place = place
                ticket.changed.set()
