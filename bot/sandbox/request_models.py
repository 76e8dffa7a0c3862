"""Request bodies of the control API (see bot/sandbox/control_api.py)."""

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class TextBody(RequestBody):
    person: int
    chat: int
    text: str
    reply_to: int | None = None


class PressBody(RequestBody):
    person: int
    chat: int
    message_id: int
    data: str
    forged: bool = False


class UserBody(RequestBody):
    name: str
    language_code: str = "en"


class GroupBody(RequestBody):
    title: str
    members: list[int]
    game: bool = False


class BlockBody(RequestBody):
    person: int
    blocked: bool = True


class FaultBody(RequestBody):
    method: str | None = None
    kind: str
    times: int | None = 1
    retry_after: int = 1
    delay_s: float | None = None
    probability: float = 1.0
    seed: int = 0
