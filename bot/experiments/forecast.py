"""Tells admins before a run, and when its trial begins, how likely the trial is to reach a verdict in their chats."""

import time

from bot.experiments.trial_design import SECONDS_A_DAY, TrialDesign, TrialForecast, forecast_trial
from bot.i18n.localizer import Localizer
from configs.trials import CanarySettings
from storage.database import Database
from storage.learning.trial_evidence import read_pace

PACE_DAYS = 28.0
"""Days whose ratings give the chats' pace."""
PRIOR = 10
"""Ratings, half of them likes, that the estimate of the liking begins with."""


async def forecast(database: Database, settings: CanarySettings) -> tuple[float, TrialForecast] | None:
    """Ratings and duel choices a day in the last weeks, and the forecast; None if there were no ratings."""
    now = time.time()
    pace = await read_pace(database, now - PACE_DAYS * SECONDS_A_DAY, now)
    if not pace.ratings:
        return None
    return pace.per_day, forecast_trial(
        TrialDesign.for_candidate(settings),
        pace.per_day,
        liking=(pace.likes + PRIOR / 2) / (pace.ratings + PRIOR),
        units_per_rating=pace.photos / pace.ratings,
    )


async def forecast_text(database: Database, settings: CanarySettings, localize: Localizer) -> str:
    """The forecast as a sentence for admins."""
    if settings.without_verdict == "candidate":
        return localize("trial-forecast-guess", ratings=settings.max_ratings)
    found = await forecast(database, settings)
    if found is None:
        return localize("trial-forecast-unknown")
    per_day, trial = found
    return localize(
        "trial-forecast",
        pace=max(1, round(per_day)),
        days=max(1, round(trial.days)),
        effect=round(100 * trial.effect),
        power=round(100 * trial.power),
    )
