"""Simulates thousands of trials at once, with the bot's own test; `make bench-gate` and `make bench-watch` use it.

A world says who rates and what they like. Each step shows one joke (or continues one of five that are being rated, with
several raters a joke) in each trial, then analyses all trials with `bot.experiments.sequential_test`. A trial that has
a verdict is finished; the others go on. The arrays have one entry for each trial, so a step is arithmetic on arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.trial_state import Array, Ints, Trials, add_pick, add_rating, empty_sums
from bot.experiments.sequential_test import CODES, SequentialTest, TrialState
from bot.experiments.trial_design import LATE, NOVEL, REASONS, TrialAnswer, TrialDesign
from bot.experiments.trial_sums import EngagementSums

BETWEEN = 5
"""Jokes that are being rated at the same time where several users rate each."""
GOES_ON = np.array([REASONS[name] is TrialAnswer.CONTINUE for name in CODES])


@dataclass(frozen=True)
class World:
    """Users and their liking. All likings are probabilities, all times days since the trial began.

    `liking` is the champion's, `rises` its change per day, `effect` the candidate's difference. `novelty` is added to
    the candidate's at first and is gone after `novelty_days`, linearly or, with `decays`, as exp(−t / novelty_days).
    `raters` a joke: a number, or 0 for Poisson(1.2); with several, jokes differ by a standard deviation of `spread`.
    `silence`: share of the candidate's dislikes that are not given. `pace`: ratings a day. `users` rate equally often,
    or with `by_rank` in proportion to 1/rank. User `fan` (a rank from 0; None: no user) likes every joke of the
    candidate, and none of the champion's if `hater`. `duels`: share of photos with a duel. `newcomers`: what the liking
    of new users differs by; after 30 days half of the ratings are theirs.
    """

    effect: float = 0.0
    liking: float = 0.5
    rises: float = 0.0
    novelty: float = 0.0
    novelty_days: float = 3.0
    decays: bool = False
    raters: int = 1
    spread: float = 0.0
    silence: float = 0.0
    pace: float = 1000 / 14
    users: int = 30
    by_rank: bool = False
    fan: int | None = None
    hater: bool = False
    duels: float = 0.0
    newcomers: float = 0.0

    @property
    def ratings_per_joke(self) -> float:
        return self.raters or 1.2

    def activity(self) -> Array:
        """Each user's share of the ratings."""
        weights = 1.0 / np.arange(1, self.users + 1) if self.by_rank else np.ones(self.users)
        return weights / weights.sum()

    def candidate_effect(self, days: Array) -> Array:
        """What the candidate's liking exceeds the champion's by, after so many days."""
        left = np.exp(-days / self.novelty_days) if self.decays else np.maximum(1 - days / self.novelty_days, 0.0)
        return self.effect + self.novelty * left


@dataclass(frozen=True)
class Outcome:
    """How each trial ended: the reason's name, ratings and picks, days, and the candidate's ratings."""

    reasons: NDArray[np.str_]
    presses: Array
    days: Array
    candidate_ratings: Array

    def share(self, answer: TrialAnswer) -> float:
        """Share of trials with that answer."""
        return self.count(answer) / len(self.reasons)

    def count(self, answer: TrialAnswer) -> int:
        """Number of trials with that answer."""
        return int(np.isin(self.reasons, [name for name, given in REASONS.items() if given is answer]).sum())

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """The trials of several parts."""
        return cls(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(cls)))


@dataclass
class Simulation:
    """Trials in one world with one design. `start_days` shifts the world's clock for each trial."""

    world: World
    design: TrialDesign
    draw: np.random.Generator
    _cumulative: Array = field(init=False)

    def __post_init__(self) -> None:
        self._test = SequentialTest(self.design)
        self._cumulative = np.cumsum(self.world.activity())

    def run(self, count: int, start_days: Array | None = None) -> Outcome:
        """Simulate `count` trials to their ends."""
        trials = self._begin(count, np.zeros(count) if start_days is None else start_days)
        reasons = np.full(count, "", dtype="<U10")
        presses, days, own = np.zeros(count), np.zeros(count), np.zeros(count)
        while len(trials.number):
            self._step(trials)
            over, reason = self._analyse(trials)
            if over.any():
                ended = trials.number[over]
                reasons[ended] = np.array(CODES)[reason[over]]
                presses[ended] = (trials.ratings + trials.picks)[over]
                days[ended], own[ended] = self._days(trials)[over], trials.candidate_ratings[over]
                trials.keep(~over)
        return Outcome(reasons, presses, days, own)

    def _begin(self, count: int, start: Array) -> Trials:
        world, slots = self.world, BETWEEN if self.world.raters > 1 else 1
        first = NOVEL if self.design.novelty_days else 1
        first = LATE if self.design.initial_ratings == 0 and not self.design.novelty_days else first
        zeros, flat = np.zeros(count), np.zeros((count, slots))
        return Trials(
            np.arange(count),
            *empty_sums(count, 1),
            *empty_sums(count, world.users),
            EngagementSums.zeros(count),
            zeros.copy(),
            zeros.copy(),
            zeros.copy(),
            zeros.copy(),
            np.full(count, first == LATE),
            np.full(count, self.design.share_of(first)),
            np.full(count, first),
            start,
            flat.astype(np.int64),
            flat.astype(np.int64),
            flat.copy(),
            flat.astype(np.int64),
            flat.astype(np.int64),
            np.zeros((count, slots, world.users)),
            np.zeros((count, slots, world.users)),
        )

    def _days(self, trials: Trials) -> Array:
        return trials.jokes * self.world.ratings_per_joke / self.world.pace

    def _step(self, trials: Trials) -> None:
        """Show a joke or a duel, or let the next user rate one of several jokes."""
        count, draw = len(trials.number), self.draw
        rows = np.arange(count)
        slot = draw.integers(0, trials.arm.shape[1], count)
        done = trials.given[rows, slot] >= trials.wanted[rows, slot]
        duel = done & (draw.random(count) < self.world.duels)
        fresh = done & ~duel
        self._show(trials, rows[fresh], slot[fresh])
        if duel.any():
            self._duel(trials, rows[duel])
        if self.world.raters:
            self._rate(trials, rows[~duel], slot[~duel])
            return
        for number in range(int(trials.wanted[rows, slot][~duel].max(initial=0))):
            some = ~duel & (trials.wanted[rows, slot] > number)
            self._rate(trials, rows[some], slot[some])

    def _show(self, trials: Trials, rows: Ints, slot: Ints) -> None:
        """Put a new joke into these trials' slots."""
        world, draw, count = self.world, self.draw, len(rows)
        days = trials.start[rows] + self._days(trials)[rows]
        arm = (draw.random(count) < trials.share[rows]).astype(np.int64)
        mean = np.clip(world.liking + world.rises * days + arm * world.candidate_effect(days), 0.001, 0.999)
        trials.arm[rows, slot], trials.made_in[rows, slot] = arm, trials.stage[rows]
        trials.liking[rows, slot] = self._joke_likings(mean)
        trials.wanted[rows, slot] = world.raters or draw.poisson(1.2, count)
        trials.given[rows, slot] = 0
        trials.counts[rows, slot], trials.liked[rows, slot] = 0.0, 0.0
        trials.jokes[rows] += 1
        trials.engagement.jokes[rows, trials.stage[rows], arm] += 1

    def _joke_likings(self, mean: Array) -> Array:
        """Each joke's own probability of being liked: a Beta distribution where jokes differ and one has this spread.

        A truncated normal would change mean and spread.
        """
        if not self.world.spread:
            return mean
        size = mean * (1 - mean) / self.world.spread**2 - 1
        known = size > 0
        size = np.where(known, size, 1.0)
        return np.where(known, self.draw.beta(mean * size, (1 - mean) * size), mean)

    def _rater(self, count: int) -> Ints:
        return np.minimum(np.searchsorted(self._cumulative, self.draw.random(count)), self.world.users - 1)

    def _rate(self, trials: Trials, rows: Ints, slot: Ints) -> None:
        """One user rates the joke in these trials' slots, or stays silent."""
        world, draw, count = self.world, self.draw, len(rows)
        if world.raters > 1:  # The raters of a joke are different users.
            user = (
                trials.number[rows] + trials.jokes[rows].astype(np.int64) + 7 * trials.given[rows, slot]
            ) % world.users
        else:
            user = self._rater(count)
        arm, stage = trials.arm[rows, slot], trials.made_in[rows, slot]
        liking = trials.liking[rows, slot]
        if world.newcomers:
            days = trials.start[rows] + self._days(trials)[rows]
            liking = liking + world.newcomers * (draw.random(count) < np.clip(days / 60, 0.0, 0.5))
        value = (draw.random(count) < liking).astype(float)
        if world.fan is not None:
            value = np.where((user == world.fan) & (arm == 1), 1.0, value)
            if world.hater:
                value = np.where((user == world.fan) & (arm == 0), 0.0, value)
        trials.given[rows, slot] += 1
        spoken = ~((arm == 1) & (value == 0) & (draw.random(count) < world.silence))
        rows, slot, arm, stage = rows[spoken], slot[spoken], arm[spoken], stage[spoken]
        add_rating(trials, rows, slot, arm, stage, user[spoken], value[spoken])

    def _duel(self, trials: Trials, rows: Ints) -> None:
        """A user picks the joke they like of two, tosses a coin if they like both, and neither if none."""
        world, draw, count = self.world, self.draw, len(rows)
        days = trials.start[rows] + self._days(trials)[rows]
        mean = world.liking + world.rises * days
        old = draw.random(count) < self._joke_likings(np.clip(mean, 0.001, 0.999))
        new = draw.random(count) < self._joke_likings(np.clip(mean + world.candidate_effect(days), 0.001, 0.999))
        user = self._rater(count)
        coin = np.where(draw.random(count) < 0.5, 1.0, -1.0)
        pick = np.where(old & new, coin, new.astype(float) - old)
        if world.fan is not None:
            pick = np.where(user == world.fan, 1.0, pick)
        add_pick(trials, rows, user, pick)
        trials.jokes[rows] += 1

    def _analyse(self, trials: Trials) -> tuple[NDArray[np.bool_], Ints]:
        """Analyse all trials; where that would end one, with each user left out too."""
        state = TrialState(trials.ratings, trials.picks, trials.candidate_ratings, self._days(trials))
        screened = self._test.analyse(trials.whole_sums(), trials.engagement, state, trials.late)
        reason = screened.reason.copy()
        check = np.flatnonzero(~GOES_ON[reason])
        if len(check):
            part = TrialState(*(getattr(state, item.name)[check] for item in fields(state)))
            result = self._test.analyse(trials.sums_of(check), trials.engagement[check], part, trials.late[check])
            reason[check] = result.reason
        trials.stage[:] = screened.stage
        trials.late |= screened.stage == LATE
        trials.share[:] = np.where(trials.late, self.design.full_share, self.design.initial_share)
        return ~GOES_ON[reason], reason
