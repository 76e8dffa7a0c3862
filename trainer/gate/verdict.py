"""What the gate answers, and how that is written down."""
from dataclasses import dataclass, field
from typing import Any, Literal

Answer = Literal["promote", "reject", "undecided"]


@dataclass(frozen=True)
class Shown:
    """One held-out photo with both models' new jokes; `photo` is its file in the dataset (`images/…`), which is not copied, so
    that a person's photo stays in one place."""

    photo: str
    language: str
    champion: str
    candidate: str


@dataclass(frozen=True)
class Verdict:
    """`promote` hands the candidate to the canary: no harm was shown. `reasons` are sentences, `codes` their kinds, in the same
    order; a promoted candidate has reasons too: what could not be judged. `measures` are numbers for old and new by name."""

    answer: Answer
    reasons: list[str]
    codes: list[str]
    measures: dict[str, Any] = field(default_factory=dict)
    gallery: list[Shown] = field(default_factory=list)

    @classmethod
    def read(cls, told: dict[str, Any]) -> "Verdict":
        """From gate.json's content."""
        return cls(told["answer"], told["reasons"], told["codes"], told["measures"], [Shown(**one) for one in told["gallery"]])
