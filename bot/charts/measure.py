"""A table row of a measure. A module of its own: the bot makes rows without matplotlib, and run_card.py draws them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricRow:
    """A measure of the gate or the trial; `better` is None if old and new don't differ significantly."""

    label: str
    old: str
    new: str
    better: bool | None = None
    note: str = ""
