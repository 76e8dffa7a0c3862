"""What every section of the settings is made of."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def split_list(value: Any) -> Any:
    """A variable's list, with or without brackets: `1, 2` and `[1, 2]`."""
    return value.strip("[] ").replace(",", " ").split() if isinstance(value, str) else value


class SettingsSection(BaseModel):
    """A section of jokebot.toml: unknown names are refused, defaults checked like what is set, and nothing changes
    after the start.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
