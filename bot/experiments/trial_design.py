"""The design of a trial, its stages and its verdict. Without NumPy, so that the bot starts without it.

The two designs are that of a candidate (`CanarySettings`) and that of a predecessor whose successor is suspected to be
worse (`ChampionMonitorSettings`).
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Self

from configs.trials import CanarySettings, ChampionMonitorSettings

NOVEL, EARLY, LATE = 0, 1, 2
"""Stages, by the time at which a joke was made: while the candidate is new, with its initial share afterwards, with
its full share."""
STAGES = 3
MIN_INITIAL = 20
"""The initial stage of a slow chat ends after one in this many of the ratings that the trial will have."""
SECONDS_A_DAY = 86400.0
STRICTNESS = 0.5
"""Standard errors that a promotion needs beyond one test at alpha, because it must stand without single users, without
the novel jokes and with unrated jokes; fitted to the power that `make bench-gate` measures."""
NORMAL = NormalDist()


class TrialAnswer(StrEnum):
    """The answer of one analysis. The values are stored in the database."""

    PROMOTE = "promote"
    HARMFUL = "harm"
    CONTINUE = "go on"
    INCONCLUSIVE = "not enough"


REASONS = {
    "better": TrialAnswer.PROMOTE,
    "worse": TrialAnswer.HARMFUL,
    "guess": TrialAnswer.PROMOTE,
    "quiet": TrialAnswer.INCONCLUSIVE,
    "ratings": TrialAnswer.INCONCLUSIVE,
    "days": TrialAnswer.INCONCLUSIVE,
    "futile": TrialAnswer.INCONCLUSIVE,
    "early": TrialAnswer.CONTINUE,
    "suspect": TrialAnswer.CONTINUE,
    "new": TrialAnswer.CONTINUE,
    "between": TrialAnswer.CONTINUE,
}
"""Why an analysis gives its answer. `guess`: no verdict, but nothing speaks against it. `quiet`: users like its jokes
more, but rate them less or press 🔁 more often. `ratings`, `days`: the end without a verdict. `futile`: a verdict has
become very unlikely. `early`: few ratings yet. `suspect`: not liked enough for a larger share. `new`: still within
`novelty_days`. `between`: no verdict yet."""


@dataclass(frozen=True)
class TrialDesign:
    """When a trial ends, and what it requires.

    `ratings` counts ratings and duel choices of both variants. Jokes of the first `novelty_days` can't promote, nor
    can any before `min_days`. `engagement`: compare the rating rates and 🔁 too. `guess`: a trial without a verdict
    lasts to its end, and then promotes a candidate whose jokes were not clearly liked less than the champion's.
    """

    alpha: float
    initial_share: float
    initial_ratings: int
    full_share: float
    ratings: int
    days: float
    min_days: float = 0.0
    novelty_days: float = 0.0
    engagement: bool = True
    guess: bool = False

    @classmethod
    def for_candidate(cls, settings: CanarySettings) -> Self:
        """A candidate's trial. Its novelty lasts no longer than `min_days`, so that 0 turns both off."""
        return cls(
            settings.alpha,
            settings.initial_share,
            settings.initial_ratings,
            settings.full_share,
            settings.max_ratings,
            settings.max_days,
            settings.min_days,
            min(settings.novelty_days, settings.min_days),
            guess=settings.without_verdict == "candidate",
        )

    @classmethod
    def for_predecessor(cls, settings: ChampionMonitorSettings, ratings: int, days: float) -> Self:
        """The trial of a predecessor: it has half of the deliveries at once. `ratings` and `days` are what is left."""
        return cls(settings.alpha, 0.5, 0, 0.5, max(1, ratings), max(0.0, days), engagement=False)

    def stage_at(self, made_at: float, began_at: float, late_at: float | None) -> int:
        """The stage of a joke made at that time. All times are seconds since 1970."""
        if late_at is not None and made_at >= late_at:
            return LATE
        return NOVEL if made_at < began_at + self.novelty_days * SECONDS_A_DAY else EARLY

    def share_of(self, stage: int) -> float:
        """The candidate's share of the deliveries in a stage."""
        return self.full_share if stage == LATE else self.initial_share


@dataclass(frozen=True)
class VariantStats:
    """One model in a trial: liked ratings, ratings, and the photos they were of."""

    likes: int
    ratings: int
    units: int

    @property
    def liking(self) -> float | None:
        """Liked ratings over ratings."""
        return self.likes / self.ratings if self.ratings else None


@dataclass(frozen=True)
class TrialDecision:
    """The result of one analysis: from now on the candidate gets `share` of the deliveries, in stage `stage`.

    `difference` is the candidate's liking minus the champion's (0…1, within stages, duels counted), `interval` its
    confidence interval: above 0 promotes (never before `min_days`), below 0 is harmful. Each end is wrong at some
    analysis of the whole trial with probability alpha at most, also for each single user's ratings left out.
    `duels` is the number of choices, `ratings` that of ratings and choices. `progress` is the share of the planned
    information. `reason` is a key of REASONS.
    """

    answer: TrialAnswer
    share: float
    stage: int
    difference: float
    interval: tuple[float, float]
    champion: VariantStats
    candidate: VariantStats
    duels: int
    ratings: int
    progress: float
    reason: str


@dataclass(frozen=True)
class TrialForecast:
    """What a trial can be expected to find: `days` until it ends, `ratings` by then, and the `power`, 0 to 1.

    `power` is the probability that a candidate is promoted whose jokes are liked by `effect` more.
    """

    days: float
    ratings: int
    power: float
    effect: float


def forecast_trial(
    design: TrialDesign, per_day: float, *, liking: float = 0.5, units_per_rating: float = 1.0, effect: float = 0.1
) -> TrialForecast:
    """The forecast of a chat with that many ratings and duel choices a day, by the normal approximation.

    `liking` is the champion's, `units_per_rating` the photos over their ratings: several ratings of one photo say
    less than as many of several. A duel choice is taken for a rating, though it tells more.
    """
    days = min(design.days, max(design.min_days, design.ratings / per_day)) if per_day > 0 else design.days
    ratings = per_day * days
    first = min(design.initial_ratings, ratings / MIN_INITIAL) / design.initial_share
    early = min(ratings, max(design.novelty_days * per_day, first))
    shares = (early, design.initial_share), (ratings - early, design.full_share)
    weight = units_per_rating * sum(number * share * (1 - share) for number, share in shares)
    error = math.sqrt(liking * (1 - liking) / weight) if weight else math.inf
    boundary = NORMAL.inv_cdf(1 - design.alpha) + STRICTNESS
    power = NORMAL.cdf(effect / error - boundary) if error else 1.0
    return TrialForecast(days, round(ratings), power if ratings else 0.0, effect)
