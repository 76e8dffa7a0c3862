"""Settings of what is held back, and of how long things are kept."""
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from configs.section import Count, Positive, Section


def split_entries(value: Any) -> Any:
    """A variable's entries: a JSON list, or words between commas, because an entry may hold spaces."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.strip().startswith("[") else [part.strip() for part in value.split(",") if part.strip()]


class Guard(Section):
    """What is held back (docs/guarding.md)."""

    blocked: Annotated[list[str], BeforeValidator(split_entries)] = Field(
        [], description="Words, phrases and /patterns/ that no joke may hold; `en: word` holds for English jokes alone.")
    blocked_file: Path | None = Field(None, description="A text file with more of them, one a line; # begins a comment.")
    blocked_tries: Count = Field(3, description="Jokes made for a photo before it is said that none could be told.")
    moderate: str = Field("", description="module:function that is asked about each photo before it is kept; empty asks nobody.")
    moderate_timeout_s: Positive = Field(10.0, description="Longest time that it may take for a photo.")
    moderate_failure: Literal["refuse", "pass"] = Field("refuse", description="What happens to a photo when it fails or takes too long.")

    @field_validator("blocked_file")
    @classmethod
    def from_here(cls, path: Path | None) -> Path | None:
        """The run's process has another working directory."""
        return path.absolute() if path else None

    @field_validator("moderate")
    @classmethod
    def names_a_function(cls, name: str) -> str:
        if name and not re.fullmatch(r"[\w.]+:\w+", name):
            raise ValueError("it is module:function, as in my_rules:moderate")
        return name


class Retention(Section):
    """How long photos, jokes and ratings are kept; what is too old goes within an hour, from datasets too. 0 keeps it for ever."""

    photos_days: float = Field(0.0, ge=0, description="Days since a photo was sent last; its jokes and their ratings go with it.")
    jokes_days: float = Field(0.0, ge=0, description="Days since a joke was told; its ratings go with it.")
    ratings_days: float = Field(0.0, ge=0, description="Days since a rating was given or changed.")
