"""The bodies of the control API's POSTs (bot/sandbox/control.py says what they do)."""
from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """An unknown field is a mistake."""

    model_config = ConfigDict(extra="forbid")


class TextBody(Body):
    person: int
    chat: int
    text: str
    reply_to: int | None = None


class PressBody(Body):
    person: int
    chat: int
    message_id: int
    data: str
    forged: bool = False


class PersonBody(Body):
    name: str
    language_code: str = "en"


class GroupBody(Body):
    title: str
    members: list[int]


class BlockBody(Body):
    person: int
    blocked: bool = True


class FaultBody(Body):
    method: str | None = None
    kind: str
    times: int | None = 1
    retry_after: int = 1
    delay_s: float | None = None
    probability: float = 1.0
    seed: int = 0
