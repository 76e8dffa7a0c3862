"""A candidate's trial with users: a sequential test that answers promote, harmful, continue or inconclusive.

The test is pure arithmetic on counts, without a database, Telegram or NumPy. `docs/gate.md` explains the method;
`make bench-gate` measures its error rates.
"""

from bot.experiments.observations import Observation, ObservationSums, TrialData
from bot.experiments.sequential_test import SequentialTest, TrialAnswer, TrialDecision

__all__ = ["Observation", "ObservationSums", "SequentialTest", "TrialAnswer", "TrialData", "TrialDecision"]
