"""Settings of safety (blocked words, moderation of photos and punchlines) and of data retention."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from configs.base import Count, Positive, SettingsSection


def split_entries(value: Any) -> Any:
    """Split a variable's value into entries: a JSON list, or words between commas (an entry may contain spaces)."""
    if not isinstance(value, str):
        return value
    return (
        json.loads(value)
        if value.strip().startswith("[")
        else [part.strip() for part in value.split(",") if part.strip()]
    )


class SafetySettings(SettingsSection):
    """Blocked words, and moderation of photos and punchlines (docs/guarding.md)."""

    blocked: Annotated[list[str], BeforeValidator(split_entries)] = Field(
        [],
        description=(
            "Words, phrases and /patterns/ that no joke may contain. `en: word` applies to English jokes only."
        ),
    )
    blocked_file: Path | None = Field(
        None, description="Text file with more of them, one per line. # starts a comment."
    )
    max_blocked_attempts: Count = Field(3, description="Blocked jokes for one photo before the bot gives up on it.")
    max_flags_per_day: Count = Field(
        5, description="Jokes that one member of a group can hide with 🚩 in 24 hours. Administrators have no limit."
    )
    gentle: bool = Field(
        False,
        description=(
            "Whether the prompt asks for jokes that don't make fun of faces, bodies or children. Chats can change it "
            "in /settings."
        ),
    )
    moderation_hook: str = Field(
        "", description="module:function that checks each photo before the bot stores it. Empty: no check."
    )
    punchline_hook: str = Field(
        "", description="module:function that checks each punchline of a user before the bot shows it. Empty: no check."
    )
    moderate_timeout_s: Positive = Field(10.0, description="Longest time for the check of one photo or punchline.")
    moderate_failure: Literal["refuse", "pass"] = Field(
        "refuse", description="What happens to a photo or punchline when its check fails or takes too long."
    )

    @field_validator("blocked_file")
    @classmethod
    def make_absolute(cls, path: Path | None) -> Path | None:
        """Makes the path absolute, because the pipeline process has another working directory."""
        return path.absolute() if path else None

    @field_validator("moderation_hook", "punchline_hook")
    @classmethod
    def check_function_name(cls, name: str) -> str:
        if name and not re.fullmatch(r"[\w.]+:\w+", name):
            raise ValueError("it is module:function, as in my_rules:moderate")
        return name


class RetentionSettings(SettingsSection):
    """Age limits of photos, jokes and ratings. Older ones are deleted within an hour, from datasets too. 0: forever."""

    photos_days: float = Field(
        0.0, ge=0, description="Days since a photo was last sent. Its jokes and their ratings are deleted with it."
    )
    jokes_days: float = Field(0.0, ge=0, description="Days since the bot told a joke. Its ratings are deleted with it.")
    ratings_days: float = Field(0.0, ge=0, description="Days since a rating was given or changed.")
