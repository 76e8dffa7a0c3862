"""A candidate's trial on people: the sequential test that says promote, harm, go on, or not enough evidence.

Pure arithmetic on counts: no storage, no Telegram, no NumPy. `docs/gate.md` tells the method; `make bench-gate` proves it.
"""
from bot.trial.evidence import Evidence, Tally, Unit
from bot.trial.trial import Decision, Trial

__all__ = ["Decision", "Evidence", "Tally", "Trial", "Unit"]
