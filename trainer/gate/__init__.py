"""The gate: compares a candidate with the champion on held-out photos before users see it. docs/gate.md has the method.

Importing this package imports no torch; `judge` does, when it is called.
"""

from trainer.gate.assessment import GateError, assess_candidate

__all__ = ["GateError", "assess_candidate"]
