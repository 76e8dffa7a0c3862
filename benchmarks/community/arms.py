"""The arms of the community benchmark: what learns, and by which rules."""

from dataclasses import dataclass
from typing import Literal

DAYS = 84
CHECKPOINTS = (28, 56, 84)
"""Days after which the liking is measured, besides day 0."""


@dataclass(frozen=True)
class Arm:
    """`rules` are the trial's and the watch's: the product's, or those of commit e77f410. `candidates` a photo."""

    name: str
    rules: Literal["product", "today"]
    training: bool
    candidates: int
    """Texts for a photo among which the judge chooses; 1 for no judge."""

    @property
    def judged(self) -> bool:
        """Whether a judge is fitted and chooses."""
        return self.candidates > 1


ARMS = {
    arm.name: arm
    for arm in (
        Arm("defaults", "product", True, 4),
        Arm("today", "today", True, 1),
        Arm("judge_alone", "product", False, 4),
        Arm("training_alone", "product", True, 1),
    )
}
