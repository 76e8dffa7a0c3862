"""The sequential test of a trial: one analysis of the data so far, at any time, any number of times.

Pure arithmetic on sums. The arrays may have leading dimensions, so that benchmarks analyse thousands of trials at once.

No user decides a trial: a verdict is one that stands with each single user's ratings left out, so both ends of the
interval are the worst of all these intervals. (Leaving out one group of the data at a time: Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 11.) The test at the level alpha holds for the users but any one, so one
user who likes everything by the candidate can't promote it.

A trial also ends when a promotion has become unlikely: when the conditional power (Lan, Simon and Halperin, Sequential
Analysis 1, 1982, 207-219), for a difference one standard error above the present one, is below FUTILE. This stopping
is not binding: the boundaries don't rely on it, so it only makes a false promotion rarer.
"""

from dataclasses import dataclass

import numpy as np

from bot.experiments.boundaries import (
    NORMAL,
    TINY,
    BoolArray,
    FloatArray,
    any_time_boundary,
    final_boundary,
    fixed_sample_boundary,
    from_normal,
    harm_boundary,
    to_normal,
)
from bot.experiments.effect import DUEL_WEIGHT, EffectEstimate, estimate_difference
from bot.experiments.engagement import is_engaging
from bot.experiments.trial_design import (
    EARLY,
    LATE,
    MIN_INITIAL,
    NOVEL,
    REASONS,
    STAGES,
    TrialDecision,
    TrialDesign,
    VariantStats,
)
from bot.experiments.trial_sums import EngagementSums, TrialData, TrialSums

FUTILE, MIN_PROGRESS = 0.1, 0.3
"""Conditional power below which a trial ends, and the share of the information before which it doesn't."""
LASTING_ALPHA = 0.15
"""Level of the test without the novel jokes, which a promotion has to pass too."""
GUESS_ERRORS = 2.0
"""Standard errors by which a candidate's jokes may seem to be liked less where a trial ends with a guess.

Eight ratings have a standard error of about 30 points. In the demo, candidates that have learnt from a few liked jokes
are better by 10 to 45 points, 25 on average. With a normal prior of that mean and a standard deviation of 15 the mean
of the posterior falls below 0 at about three standard errors.
"""
OUTLIER = 1.5
"""Standard errors by which a user differs from the others so that the verdict must stand without that user."""
CODES = tuple(REASONS)
"""The reasons, in the order of the numbers in `Analysis.reason`."""


@dataclass(frozen=True)
class TrialState:
    """What a trial's analysis needs beside the sums, each of shape (…).

    `ratings` and `picks` so far of both variants, `candidate_ratings`, and the trial's age in `days`.
    """

    ratings: FloatArray
    picks: FloatArray
    candidate_ratings: FloatArray
    days: FloatArray

    @property
    def presses(self) -> FloatArray:
        """Ratings and picks."""
        return self.ratings + self.picks


@dataclass(frozen=True)
class Analysis:
    """The results, each of shape (…). `reason` is an index of CODES, `stage` the stage of the next jokes."""

    reason: FloatArray
    stage: FloatArray
    difference: FloatArray
    low: FloatArray
    high: FloatArray
    progress: FloatArray


@dataclass(frozen=True)
class SequentialTest:
    """The test of a design. It keeps no state between analyses."""

    design: TrialDesign

    @property
    def counted(self) -> tuple[float, ...]:
        """The stages whose jokes can promote: all but the novel one."""
        return tuple(float(stage != NOVEL) for stage in range(STAGES))

    def analyse(self, sums: TrialSums, engagement: EngagementSums, state: TrialState, late: BoolArray) -> Analysis:
        """Analyse trials; `sums` has one dimension more than the rest, the user who is left out.

        `late`: whether the last stage has begun, bools (…).
        """
        full, whole = sums.of_all_users, estimate_difference(sums)
        # Without novelty no joke is of the novel stage.
        lasting = estimate_difference(sums, self.counted) if self.design.novelty_days else whole
        over = self._over(state)
        remaining = self._remaining_information(full, state)
        progress = whole.weight / np.maximum(whole.weight + remaining[..., None], TINY)
        low = self._low_end(whole, progress, over[0] | over[1])
        if self.design.novelty_days:
            low = np.minimum(low, self._lasting_low_end(lasting))
        high = self._high_end(whole, progress)
        engaging = np.asarray(True)
        if self.design.engagement:
            engaging = is_engaging(full, lasting.of_all_users, engagement, self.counted)
        early, suspect = self._is_early(state), self._looks_harmful(whole)
        novel, ready = state.days < self.design.novelty_days, ~early & (state.days >= self.design.min_days)
        begins = late | ~(early | suspect | novel)
        conditions = {
            "better": (low > 0) & ready & engaging,
            "worse": high < 0,
            "guess": self._is_guess(whole) & (over[0] | over[1]),
            "quiet": (low > 0) & ready & (over[0] | over[1]),
            "ratings": over[0],
            "days": over[1],
            "futile": self._is_futile(whole, progress) & (state.days >= self.design.min_days) & (not self.design.guess),
            "between": begins,
            "early": early,
            "suspect": suspect,
        }
        reason = np.select(list(conditions.values()), [CODES.index(name) for name in conditions], CODES.index("new"))
        stage = np.where(begins, LATE, np.where(novel, NOVEL, EARLY))
        ends = np.maximum(low, -1.0), np.minimum(high, 1.0)
        return Analysis(reason, stage, whole.difference[..., 0], *ends, progress[..., 0])

    def decide(self, data: TrialData, days: float, late: bool) -> TrialDecision:
        """Analyse one trial of that age; `late`: whether its last stage has begun."""
        sums, ratings = data.sums(), data.ratings
        variants = [
            VariantStats(int(rows[:, 4].sum()), len(rows), len(np.unique(rows[:, 0] * STAGES + rows[:, 1])))
            for rows in (ratings[ratings[:, 2] == variant] for variant in (0, 1))
        ]
        numbers = (len(ratings), len(data.picks), variants[1].ratings, days)
        state = TrialState(*(np.asarray(float(number)) for number in numbers))
        result = self.analyse(sums, data.engagement(), state, np.asarray(late))
        reason, stage = CODES[int(result.reason)], int(result.stage)
        return TrialDecision(
            REASONS[reason],
            self.design.share_of(stage),
            stage,
            float(result.difference),
            (float(result.low), float(result.high)),
            variants[0],
            variants[1],
            len(data.picks),
            len(ratings) + len(data.picks),
            float(result.progress),
            reason,
        )

    def _over(self, state: TrialState) -> tuple[BoolArray, BoolArray]:
        """Whether the trial has all its ratings, or all its days."""
        rated = (state.presses >= self.design.ratings) & (state.days >= self.design.min_days)
        return rated, state.days >= self.design.days

    def _is_early(self, state: TrialState) -> BoolArray:
        """Whether the candidate has too few ratings for a larger share: fewer are required in slow chats."""
        most = self.design.initial_ratings
        needed = np.clip(self._final_presses(state) / MIN_INITIAL, min(1, most), most)
        return state.candidate_ratings < needed

    def _final_presses(self, state: TrialState) -> FloatArray:
        """The expected ratings and picks at the end, if they keep coming as so far.

        A fast chat has all its ratings before `min_days`; a slow one has fewer than the design's by the last day.
        """
        design = self.design
        pace = state.presses / np.maximum(state.days, 1.0)
        wanted = np.maximum(design.ratings, pace * design.min_days)
        return np.where(state.days < 1.0, wanted, np.minimum(wanted, pace * design.days))

    def _remaining_information(self, sums: TrialSums, state: TrialState) -> FloatArray:
        """The weight that the presses until the end are expected to add, with as many a unit as so far."""
        share = self.design.full_share * (1 - self.design.full_share)
        presses = np.maximum(state.presses, 1.0)
        cells = [(stage, variant) for stage in range(STAGES) for variant in (0, 1)]
        units = sum((sums.weight[..., stage, variant] for stage, variant in cells), np.zeros_like(presses))
        duels = sum((sums.duel_weight[..., stage] for stage in range(STAGES)), np.zeros_like(presses))
        per_press = (units * share + DUEL_WEIGHT * duels) / presses
        per_press = np.where(state.presses >= MIN_INITIAL, per_press, share)
        return np.maximum(self._final_presses(state) - state.presses, 0.0) * per_press

    def _low_end(self, estimate: EffectEstimate, progress: FloatArray, over: BoolArray) -> FloatArray:
        """The interval's lower end; that of the last analysis is higher, because less is required then."""
        alpha = self.design.alpha
        boundary = np.where(over[..., None], final_boundary(progress, alpha), any_time_boundary(progress, alpha))
        ends = estimate.difference - from_normal(boundary, estimate.freedom) * np.sqrt(estimate.variance)
        return np.where(is_decisive(estimate, 1.0), ends, 1.0).min(-1)

    def _lasting_low_end(self, estimate: EffectEstimate) -> FloatArray:
        """The lower end without the novel jokes, at the level LASTING_ALPHA and as if there were no other analysis."""
        boundary = from_normal(fixed_sample_boundary(LASTING_ALPHA), estimate.freedom)
        ends = estimate.difference - boundary * np.sqrt(estimate.variance)
        return np.where(is_decisive(estimate, 1.0), ends, 1.0).min(-1)

    def _high_end(self, estimate: EffectEstimate, progress: FloatArray) -> FloatArray:
        """The interval's upper end."""
        boundary = from_normal(harm_boundary(progress, self.design.alpha), estimate.freedom)
        ends = estimate.difference + boundary * np.sqrt(estimate.variance)
        return np.where(is_decisive(estimate, -1.0), ends, -1.0).max(-1)

    def _looks_harmful(self, estimate: EffectEstimate) -> BoolArray:
        """Whether a fixed-sample one-sided test at alpha, sharper than the trial's boundary, finds harm now.

        The larger share begins once the candidate's first ratings show no harm; it is never taken back.
        """
        score = to_normal(estimate.score[..., 0], estimate.freedom[..., 0])
        return score < -fixed_sample_boundary(self.design.alpha)

    def _is_guess(self, estimate: EffectEstimate) -> BoolArray:
        """Whether the design promotes without a verdict: both were rated, and nothing speaks against the candidate.

        Before any rating it is more likely to be better than worse, since it has learnt what users like.
        """
        compared = (estimate.weight[..., 0] > 0) & (estimate.score[..., 0] >= -GUESS_ERRORS)
        return compared & self.design.guess

    def _is_futile(self, estimate: EffectEstimate, progress: FloatArray) -> BoolArray:
        """Whether the conditional power for a difference one standard error above the present one is below FUTILE."""
        score, t = estimate.score[..., 0], progress[..., 0]
        rest = np.maximum(1 - t, 1e-6)
        expected = score * np.sqrt(t) + (score + 1) / np.sqrt(np.maximum(t, 1e-6)) * rest
        missing = (fixed_sample_boundary(self.design.alpha) - expected) / np.sqrt(rest)
        return (t >= MIN_PROGRESS) & (missing > NORMAL.inv_cdf(1 - FUTILE))


def is_decisive(estimate: EffectEstimate, sign: float) -> BoolArray:
    """Whether the estimate without a user has to be considered: that user differs from the others in that direction.

    Index 0, which leaves out no user, always is. The difference between an efficient estimate and one from a part of
    the data has the difference of their variances (J. A. Hausman, Econometrica 46, 1978, 1251-1271).
    """
    weight = estimate.weight
    lost = np.maximum(weight[..., :1] / np.maximum(weight, TINY) - 1, 0.0)
    moved = sign * (estimate.difference[..., :1] - estimate.difference)
    decisive = moved > OUTLIER * np.sqrt(estimate.variance[..., :1] * lost)
    decisive[..., 0] = True
    return decisive
