"""Candidates of one joke that are written at the same time, and the time limit for the choice among them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.engine.client import EngineReply, OnText

MIN_CHOICE_S = 0.25
"""The choice may take as long as users don't notice."""
MIN_PARTIAL_WORDS, MIN_PARTIAL_CHARACTERS = 5, 12
"""A shorter unfinished candidate can't be judged. A text without spaces, as in Chinese, needs that many characters."""

Ask = Callable[[OnText], Awaitable[EngineReply]]
"""One request to the engine."""


@dataclass(eq=False)
class CandidateDraft:
    """A candidate that is being written; `first_at` and `done_at` are in monotonic time."""

    changed: asyncio.Event
    text: str = ""
    first_at: float | None = None
    done_at: float | None = None
    listener: OnText | None = None
    task: "asyncio.Task[EngineReply]" = field(init=False)

    async def on_text(self, text: str) -> None:
        """More of it is written."""
        self.text = text
        if self.first_at is None:
            self.first_at = time.monotonic()
            self.changed.set()
        if self.listener:
            await self.listener(text)

    def on_done(self, task: "asyncio.Task[EngineReply]") -> None:
        """Its request has ended."""
        self.done_at = time.monotonic()
        if not task.cancelled() and task.exception() is None:
            self.text = task.result().text
        self.changed.set()

    @property
    def reply(self) -> EngineReply | None:
        """The complete reply, or None."""
        ended = self.task.done() and not self.task.cancelled() and self.task.exception() is None
        return self.task.result() if ended else None

    @property
    def error(self) -> BaseException | None:
        """Why it failed, or None."""
        return self.task.exception() if self.task.done() and not self.task.cancelled() else None

    @property
    def can_be_judged(self) -> bool:
        """Whether it is complete, or unfinished and long enough."""
        if self.task.done():
            return self.reply is not None
        words = self.text.split()
        return len(words) > MIN_PARTIAL_WORDS or any(len(word) > MIN_PARTIAL_CHARACTERS for word in words)


class CandidateRace:
    """Requests of `count` candidates at the same time. Close it at the end.

    `first_word_delay_s`: how long after the first word of a single candidate users see it. The choice may take
    `patience` times as long as that word.
    """

    def __init__(self, ask: Ask, count: int, first_word_delay_s: float, patience: float) -> None:
        self._first_word_delay_s, self._patience = first_word_delay_s, patience
        self._changed, self._started_at = asyncio.Event(), time.monotonic()
        self.drafts = [CandidateDraft(self._changed) for _ in range(count)]
        for draft in self.drafts:
            draft.task = asyncio.ensure_future(ask(draft.on_text))
            draft.task.add_done_callback(draft.on_done)
        self._followed: CandidateDraft | None = None

    @property
    def running(self) -> list[CandidateDraft]:
        """The unfinished candidates, in order."""
        return [draft for draft in self.drafts if not draft.task.done()]

    async def wait_choice(self) -> bool:
        """Wait until all candidates are complete, or the time for the choice is over; returns whether they are."""
        while self.running:
            self._changed.clear()
            try:
                async with asyncio.timeout(self._time_left_s()):
                    await self._changed.wait()
            except TimeoutError:
                return not self.running
        return True

    async def follow(self, draft: CandidateDraft, listener: OnText | None) -> EngineReply | None:
        """Show the rest of an unfinished candidate while it is written; its reply, or None if it fails.

        The other unfinished ones are cancelled.
        """
        self._followed, draft.listener = draft, listener
        self.recall()
        if not draft.task.done():
            if listener and draft.text:
                await listener(draft.text)
            await asyncio.wait([draft.task])
        return draft.reply

    def recall(self) -> None:
        """Keep one unfinished candidate: the followed one, else the first. The others are cancelled."""
        kept = self._followed or next(iter(self.running), None)
        for draft in self.running:
            if draft is not kept:
                draft.task.cancel()

    async def close(self) -> None:
        """Cancel the unfinished candidates, and wait until their requests have ended."""
        for draft in self.running:
            draft.task.cancel()
        await asyncio.gather(*(draft.task for draft in self.drafts), return_exceptions=True)

    def _time_left_s(self) -> float | None:
        """Seconds until the choice; None while no candidate has a word."""
        first_words = [
            min(draft.done_at or float("inf"), draft.first_at + self._first_word_delay_s) - self._started_at
            for draft in self.drafts
            if draft.first_at is not None
        ]
        if not first_words:
            return None
        limit_s = max(MIN_CHOICE_S, self._patience * min(first_words))
        return max(0.0, self._started_at + limit_s - time.monotonic())
