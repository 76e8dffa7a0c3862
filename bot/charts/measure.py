"""A measure as people read it: put into words by the bot, which imports no matplotlib, and drawn by the process that
does.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricRow:
    """One of the gate's or the trial's; `better` is None where old and new can't be told apart."""

    label: str
    old: str
    new: str
    better: bool | None = None
    note: str = ""
