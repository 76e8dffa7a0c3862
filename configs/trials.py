"""Settings of trials: a candidate's, duels, and the monitoring of a new champion."""

from typing import Literal

from pydantic import Field

from configs.base import Count, Positive, SettingsSection


class CanarySettings(SettingsSection):
    """The trial of a candidate that passed the gate (docs/gate.md)."""

    initial_share: float = Field(0.3, gt=0, lt=1, description="Share of deliveries that the candidate gets at first.")
    initial_ratings: int = Field(
        30,
        ge=0,
        description=(
            "Ratings of its jokes that must show no harm before it gets the full share. Fewer in slow chats: a "
            "twentieth of all ratings that the trial will have."
        ),
    )
    full_share: float = Field(0.5, gt=0, lt=1, description="Full share of deliveries.")
    alpha: float = Field(
        0.05,
        gt=0,
        lt=0.5,
        description=(
            "Probability of promoting a candidate that is no better, and of calling one harmful that is no worse."
        ),
    )
    max_ratings: Count = Field(
        1000,
        description=(
            "Ratings and duel choices of both variants after which a trial ends without a verdict, once it has lasted "
            "`min_days`."
        ),
    )
    max_days: Positive = Field(28.0, description="Days after which a trial ends without a verdict.")
    min_days: float = Field(
        7.0,
        ge=0,
        description=(
            "Days before which no candidate is promoted: a trial covers all days of a week. 0 also turns off "
            "`novelty_days`."
        ),
    )
    novelty_days: float = Field(
        3.0,
        ge=0,
        description=(
            "First days of a trial whose jokes can stop a candidate but not promote it: users like what is new. At "
            "most `min_days`."
        ),
    )
    without_verdict: Literal["champion", "candidate"] = Field(
        "champion",
        description=(
            "Who serves after a trial without a verdict. `candidate`: the candidate, unless its jokes were liked less "
            "by more than two standard errors. That is a guess, for trials of a few ratings as the demo's."
        ),
    )
    assign_by: Literal["user", "chat", "photo"] = Field(
        "photo",
        description=(
            "Unit that is assigned to a variant during a trial. With `user` or `chat` the variants have different "
            "users, and the error rate of a trial exceeds alpha."
        ),
    )
    rotation_hours: float = Field(
        24.0,
        ge=0,
        description=(
            "Hours after which other users or chats get the canary. 0: never; with few users it may then reach none."
        ),
    )


class DuelSettings(SettingsSection):
    """During a trial: two jokes for one photo, the champion's and the candidate's, and the user picks one."""

    one_in_photos: int = Field(
        3,
        ge=0,
        description=(
            "At most one photo in this many becomes a duel, never twice in a row in a chat. 0 turns duels off."
        ),
    )


class ChampionMonitorSettings(SettingsSection):
    """Monitoring of a new champion: where users seem to like its jokes less, a trial of the previous model decides."""

    ratings: int = Field(
        1000, ge=0, description="Ratings of the new champion during which it is monitored. 0 turns monitoring off."
    )
    days: Positive = Field(30.0, description="Longest monitoring, days.")
    alpha: float = Field(
        0.045,
        gt=0,
        lt=0.5,
        description=(
            "Level of the test of the previous model against a suspected champion. An equal champion is rolled back "
            "less often, because the verdict must stand without single users (`make bench-watch`)."
        ),
    )
