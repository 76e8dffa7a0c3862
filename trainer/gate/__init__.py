"""The gate: compares a candidate with the champion on held-out photos before users see it (docs/gate.md).

Importing this package imports no torch; calling `assess_candidate` does.
"""

from trainer.gate.assessment import GateError, assess_candidate

__all__ = ["GateError", "assess_candidate"]
