"""A candidate's trial on people: the sequential test that says promote, harm, go on, or not enough evidence.

Pure arithmetic on counts: no storage, no Telegram, no NumPy. `docs/gate.md` tells the method; `make bench-gate` proves
it.
"""

from bot.experiments.observations import Observation, ObservationSums, TrialData
from bot.experiments.sequential_test import SequentialTest, TrialDecision

__all__ = ["TrialDecision", "TrialData", "ObservationSums", "SequentialTest", "Observation"]
