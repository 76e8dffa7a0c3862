"""Writes several candidates of a joke, and chooses the one that is shown.

No text is shown before the choice. So that the first word comes at most twice as late as with a single candidate, the
choice has a time limit (bot/jokes/candidate_race.py). Unfinished candidates then take part with what is written of
them; if one of them is chosen, the rest is shown while it is written.
"""

import asyncio
import logging
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.engine.client import EngineReply, OnText
from bot.engine.fair_queue import FairQueue
from bot.jokes.candidate_choice import RECENT_JOKES, Choice, chance_share, choose
from bot.jokes.candidate_race import Ask, CandidateDraft, CandidateRace
from bot.jokes.judge_source import JokeContext, ServedJudge
from configs.settings import JokeSettings
from storage.chat.candidates import UnshownCandidate, list_recent_texts
from storage.chat.jokes import ChosenBy
from storage.database import Database

log = logging.getLogger(__name__)

MAX_SKIPPED = 63
UNDELIVERED_S = 600.0
"""A chosen text that isn't delivered by then won't be."""
MAX_CHATS = 1000
"""Chats whose latest choices are in memory."""

Check = Callable[[str], bool]
"""Whether a text may be shown."""


@dataclass(frozen=True)
class ChosenReply:
    """The text that is shown, how it was chosen (see storage.chat.jokes.NewJoke), and the candidates that were not."""

    reply: EngineReply
    chosen_by: ChosenBy = "single"
    candidates: int = 1
    propensity: float = 1.0
    judge_id: int | None = None
    score: float | None = None
    not_shown: tuple[UnshownCandidate, ...] = ()


class CandidateWriter:
    """Writes up to `count` candidates for a photo, as far as the queue lends it the room.

    `first_word_delay_s`: how long after the first word of a single candidate users see it. A photo whose time was over
    before there was a choice has lost time without a gain, so the next 1, 3, 7, … photos get a single candidate.
    """

    def __init__(
        self,
        database: Database,
        queue: FairQueue,
        count: int,
        settings: JokeSettings,
        first_word_delay_s: float,
        rng: random.Random | None = None,
    ) -> None:
        self._database, self._queue, self._count = database, queue, count
        self._random_share, self._patience = settings.random_share, settings.candidate_patience
        self._first_word_delay_s, self._rng = first_word_delay_s, rng or random.SystemRandom()
        self._skip = self._left_to_skip = 0
        self._chosen_texts: OrderedDict[int, deque[tuple[float, str]]] = OrderedDict()
        """The texts chosen last, by chat, each with its time: some are not delivered yet."""
        self._choosing = asyncio.Lock()

    async def write(
        self, ask: Ask, may_show: Check, judge: ServedJudge, context: JokeContext, on_text: OnText | None
    ) -> ChosenReply | None:
        """The chosen reply; None if no candidate may be shown. Raises EngineError if no candidate was written."""
        further = 0 if self._left_to_skip else self._count - 1
        self._left_to_skip = max(0, self._left_to_skip - 1)
        race: CandidateRace | None = None

        def on_recall() -> None:
            if race:
                race.recall()

        with self._queue.borrow(further, on_recall) as loan:
            race = CandidateRace(ask, 1 + loan.count, self._first_word_delay_s, self._patience)
            try:
                if len(race.drafts) > 1:
                    complete = await race.wait_choice()
                    self._adapt(complete or len(judged(race.drafts, may_show)) > 1)
                return await self._finish(race, may_show, judge, context, on_text)
            finally:
                await race.close()

    def _adapt(self, useful: bool) -> None:
        """Skip further candidates for a while after a photo whose time was over without a choice."""
        self._skip = 0 if useful else min(2 * self._skip + 1, MAX_SKIPPED)
        self._left_to_skip = self._skip

    async def _finish(
        self, race: CandidateRace, may_show: Check, judge: ServedJudge, context: JokeContext, on_text: OnText | None
    ) -> ChosenReply | None:
        """Choose among the candidates so far; if the chosen one fails, among the others."""
        left = list(race.drafts)
        while drafts := judged(left, may_show):
            choice, scores = await self._choose([draft.text for draft in drafts], judge, context)
            chosen = drafts[choice.index]
            reply = await race.follow(chosen, on_text)
            if reply and may_show(reply.text):
                return chosen_reply(reply, drafts, scores, choice, judge.id)
            left.remove(chosen)
        if race.running:
            reply = await race.follow(race.running[0], on_text)
            if reply and may_show(reply.text):
                return ChosenReply(reply)
        errors = [draft.error for draft in race.drafts if draft.error]
        if errors and not any(draft.reply for draft in race.drafts):
            raise errors[0]
        return None

    async def _choose(
        self, texts: list[str], judge: ServedJudge, context: JokeContext
    ) -> tuple[Choice, Sequence[float | None]]:
        """The choice among texts and their scores. If the judge fails, chance decides."""
        async with self._choosing:
            chosen = self._chosen_in(context.chat_id)
            choice, scores = Choice(0, False, 1.0, (0,)), list[float | None]([None])
            if len(texts) > 1:
                shown = await list_recent_texts(self._database, context.chat_id, RECENT_JOKES)
                young = [text for at, text in reversed(chosen) if time.monotonic() - at < UNDELIVERED_S]
                seen = [*(text for text in young if text not in shown), *shown]
                choice, scores = await asyncio.to_thread(self._judge, texts, seen, judge, context)
            chosen.append((time.monotonic(), texts[choice.index]))
            return choice, scores

    def _judge(
        self, texts: list[str], seen: list[str], judge: ServedJudge, context: JokeContext
    ) -> tuple[Choice, list[float | None]]:
        """Score and choose. Runs in a thread."""
        scores: list[float | None]
        try:
            scores = [*judge.score(texts, context)]
            share = chance_share(self._random_share, judge.bound)
        except Exception as error:  # noqa: BLE001  a defect of the judge must not cost the joke
            log.warning("judge %d can't score candidates, so chance chooses: %r", judge.id, error)
            scores, share = [None] * len(texts), self._random_share
        return choose([score or 0.0 for score in scores], texts, seen, self._rng, share), scores

    def _chosen_in(self, chat_id: int) -> deque[tuple[float, str]]:
        """The texts chosen last for a chat."""
        chosen = self._chosen_texts.setdefault(chat_id, deque(maxlen=RECENT_JOKES))
        self._chosen_texts.move_to_end(chat_id)
        if len(self._chosen_texts) > MAX_CHATS:
            self._chosen_texts.popitem(last=False)
        return chosen


def judged(drafts: Sequence[CandidateDraft], may_show: Check) -> list[CandidateDraft]:
    """The candidates that take part in the choice."""
    return [draft for draft in drafts if draft.can_be_judged and may_show(draft.text)]


def chosen_reply(
    reply: EngineReply,
    drafts: Sequence[CandidateDraft],
    scores: Sequence[float | None],
    choice: Choice,
    judge_id: int,
) -> ChosenReply:
    """The result of a choice among drafts. Unfinished ones that were not chosen are no candidates to keep."""
    not_shown = [
        UnshownCandidate(
            other.text,
            index not in choice.admissible,
            scores[index],
            None,
            other.completion_tokens,
            other.latency_s,
        )
        for index, draft in enumerate(drafts)
        if index != choice.index and (other := draft.reply)
    ]
    alone = len(choice.admissible) == 1
    chance = choice.random or scores[choice.index] is None
    return ChosenReply(
        reply,
        "single" if alone else "random" if chance else "judge",
        len(choice.admissible),
        choice.propensity,
        None if len(drafts) == 1 else judge_id,
        scores[choice.index],
        tuple(not_shown),
    )
