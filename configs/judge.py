"""Settings of the judge, the learned model that chooses among candidates of a joke."""

from pydantic import Field

from configs.base import Count, Positive, SettingsSection


class JudgeSettings(SettingsSection):
    """The judge, which learns from ratings what users like and chooses among candidates of a joke (docs/judge.md)."""

    after_ratings: int = Field(
        100, ge=0, description="Ratings and duel choices after which the judge is fitted anew. 0: only at night."
    )
    nightly_hour: int = Field(
        4,
        ge=0,
        le=23,
        description="Hour after which it is fitted anew each night if there are new ratings, local time.",
    )
    check_interval_s: Positive = Field(60.0, description="Seconds between two checks whether a fit is due.")
    require_proof: bool = Field(
        True,
        description=(
            "Let a judge choose only if it is surely better than chance on photos that it hasn't seen, which takes a "
            "hundred ratings or more. Without that a judge chooses from judge.min_ratings on, as in the demo."
        ),
    )
    min_ratings: Count = Field(50, description="Ratings and duel choices from which a judge is fitted.")
    max_ratings: Count = Field(20_000, description="Newest ratings that it is fitted on.")
    keep: Count = Field(3, description="Newest judges whose files are kept, besides the last one of each kept model.")
