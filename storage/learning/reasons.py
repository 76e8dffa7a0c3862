"""The reason why a run ended: an English sentence, and a code with values for translation.

The sentence is for the command line and the log. The bot translates the code, or shows the sentence if it has no
translation.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Self

from configs.errors import JokebotError


@dataclass(frozen=True)
class EndReason:
    """A reason. `code` is empty if there is only the sentence; `values` are texts, numbers, and lists of them."""

    text: str
    code: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def convert(cls, reason: "ReasonLike") -> Self:
        if isinstance(reason, JokebotError):
            return cls(str(reason), reason.code, reason.values)
        return cls(reason) if isinstance(reason, str) else cls(reason.text, reason.code, reason.values)

    @classmethod
    def read(cls, text: str, cause: str) -> Self:
        """Decode a row's columns `reason` and `cause`."""
        known = json.loads(cause) if cause else {}
        return cls(text, known.get("code", ""), known.get("values", {}))

    @property
    def cause(self) -> str:
        """Code and values as JSON; empty without a code."""
        return json.dumps({"code": self.code, "values": self.values}, ensure_ascii=False) if self.code else ""


ReasonLike = EndReason | JokebotError | str
"""Values that `EndReason.convert` accepts."""
