"""The default settings of commit e77f410 that the arm *today* uses."""

from dataclasses import dataclass

from storage.learning.retrain_preview import RetrainPreview

SELECTION = {
    "min_raters": 1,
    "min_posterior": 0.6,
    "min_mean": 2.0,
    "max_user_share": 0.2,
    "max_user_share_min_users": 5,
    "weigh_raters": True,
    "newcomer_days": 7.0,
    "newcomer_weight": 0.25,
    "burst_ratings": 30,
    "burst_minutes": 10.0,
    "max_jokes_per_photo": 2,
    "max_jokes_per_group": 4,
    "max_jokes_per_text": 1_000_000,
    "holdout_enough": 1_000_000,
    "max_age_days": 365.0,
    "max_rows": 2000,
    "replay_per_new": 1.0,
    "imported_per_new": 0.0,
    "holdout_share": 0.1,
    "holdout_photos": 500,
    "near_duplicate_bits": 10,
}
"""For `configs.settings.SelectionSettings`; the limits that came later are out of reach. Rows have no weights."""
MIN_PAIRS = 20
"""Fewest new pairs of a run."""
DUEL_ONE_IN = 20
"""At most one photo in this many becomes a duel, in private chats only."""
WATCH_RATINGS, WATCH_DAYS, WATCH_ALPHA = 1000, 30.0, 0.01


@dataclass(frozen=True)
class CanarySettings:
    """The settings of a trial."""

    initial_share: float = 0.1
    initial_ratings: int = 50
    full_share: float = 0.5
    alpha: float = 0.05
    max_ratings: int = 1000
    max_days: float = 14.0


def is_run_due(preview: RetrainPreview) -> bool:
    """Whether the schedule starts a run: with enough pairs, of which at least one is in no run so far."""
    return preview.new >= MIN_PAIRS and preview.fresh >= 1
