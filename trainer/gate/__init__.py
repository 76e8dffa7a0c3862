"""The gate: what a candidate must not do on held-out photos before people see it. docs/gate.md tells the method.

Importing this package imports no torch; `judge` does, when it is called.
"""
from trainer.gate.job import GateError, judge

__all__ = ["GateError", "judge"]
