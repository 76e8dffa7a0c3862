"""The base class and the field types of the settings sections."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ROOT = Path(__file__).resolve().parent.parent
"""The program's folder."""
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
GpuId = Annotated[
    str, Field(pattern=r"^(\d+|(GPU|MIG)-[\w/-]+)$"), BeforeValidator(lambda value: str(value).strip("\"' "))
]
"""A GPU as CUDA_VISIBLE_DEVICES takes it: a number, or a UUID of `nvidia-smi -L`."""


def split_list(value: Any) -> Any:
    """Split a variable's value into a list, with or without brackets: `1, 2` and `[1, 2]`."""
    return value.strip("[] ").replace(",", " ").split() if isinstance(value, str) else value


class SettingsSection(BaseModel):
    """A section of jokebot.toml. Unknown names raise an error, defaults are validated, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    STORED_NAMES: ClassVar[dict[str, str]] = {}
    """Field name → name in stored files (plan.json, manifests, verdicts), where they differ.

    A setting can be renamed while the files that earlier versions wrote stay valid.
    """

    def stored(self) -> dict[str, Any]:
        """The values by their names in stored files."""
        return {self.STORED_NAMES.get(name, name): value for name, value in self.model_dump().items()}

    @classmethod
    def field_values(cls, stored: dict[str, Any]) -> dict[str, Any]:
        """The values of `stored` by field name."""
        fields = {stored_name: field for field, stored_name in cls.STORED_NAMES.items()}
        return {fields.get(name, name): value for name, value in stored.items()}
