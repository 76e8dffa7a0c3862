"""The decision table of docs/gate.md, row by row."""

from copy import deepcopy
from typing import Any

import pytest

from configs.learning import GateSettings
from trainer.gate.decision import decide

FINE = {"replies": 120, "empty": 0, "broken": 0, "language": 0, "unfinished": 0}
MEASURES: dict[str, Any] = {
    "replies": {"champion": FINE, "candidate": FINE},
    "likelihood": {
        "photos": 40,
        "jokes": 60,
        "champion": 2.0,
        "candidate": 1.95,
        "difference": -0.05,
        "interval": [-0.2, 0.1],
    },
    "ranking": {
        "photos": 35,
        "pairs": 50,
        "champion": 0.6,
        "candidate": 0.62,
        "difference": 0.02,
        "interval": [-0.1, 0.14],
    },
    "entropy": {"champion": 5.0, "candidate": 4.8, "taught": 4.9, "reference": 4.9},
    "distinct": {"champion": 0.8, "candidate": 0.75, "taught": 0.78, "reference": 0.78},
    "self_overlap": {"champion": 0.1, "candidate": 0.12, "taught": 0.11, "reference": 0.11},
    "copying": {"champion": 0.2, "candidate": 0.25, "taught": 0.22, "reference": 0.22},
}
NONE = {"champion": None, "candidate": None, "difference": None, "interval": None, "photos": 0, "jokes": 0, "pairs": 0}


def changed(**parts: dict[str, Any]) -> dict[str, Any]:
    measures = deepcopy(MEASURES)
    for name, values in parts.items():
        measures[name] |= values
    return measures


@pytest.mark.parametrize(
    "measures, answer, codes",
    [
        (changed(), "promote", ["fine"]),
        # Replies: none of these may come that the champion's don't have; of another language a little more.
        (changed(replies={"candidate": FINE | {"empty": 1}}), "reject", ["empty"]),
        (changed(replies={"candidate": FINE | {"broken": 1}}), "reject", ["broken"]),
        (changed(replies={"candidate": FINE | {"empty": 1}, "champion": FINE | {"empty": 1}}), "promote", ["fine"]),
        (changed(replies={"candidate": FINE | {"language": 2}}), "promote", ["fine"]),
        (changed(replies={"candidate": FINE | {"language": 3}}), "reject", ["language"]),
        (
            changed(replies={"candidate": FINE | {"language": 9}, "champion": FINE | {"language": 7}}),
            "promote",
            ["fine"],
        ),
        # Likelihood: harm where the whole interval lies beyond the margin; a wide interval is the trial's to decide.
        (changed(likelihood={"difference": 0.3, "interval": [0.11, 0.5]}), "reject", ["likelihood"]),
        (changed(likelihood={"difference": 0.3, "interval": [0.09, 0.5]}), "promote", ["fine"]),
        (changed(likelihood={"photos": 9, "difference": 0.3, "interval": [0.2, 0.5]}), "promote", ["few"]),
        (changed(likelihood={"photos": 1, "difference": 2.1, "interval": None}), "reject", ["likelihood"]),
        (changed(likelihood=NONE), "undecided", ["nothing"]),
        # Ranking: the same; too few photos never stop a run.
        (changed(ranking={"difference": -0.3, "interval": [-0.5, -0.06]}), "reject", ["ranking"]),
        (changed(ranking={"difference": -0.3, "interval": [-0.5, -0.04]}), "promote", ["fine"]),
        (changed(ranking={"photos": 29, "difference": -0.3, "interval": [-0.5, -0.06]}), "promote", ["too few"]),
        (changed(ranking=NONE), "promote", ["too few"]),
        # Collapse and copying, each against its reference.
        (changed(entropy={"candidate": 2.9}), "reject", ["entropy"]),
        (changed(distinct={"candidate": 0.46}), "reject", ["distinct"]),
        (changed(self_overlap={"candidate": 0.32}), "reject", ["self_overlap"]),
        (changed(copying={"candidate": 0.53}), "reject", ["copying"]),
        (
            changed(
                **{
                    name: {"champion": None, "candidate": None, "reference": None}
                    for name in ("entropy", "distinct", "self_overlap", "copying")
                }
            ),
            "promote",
            ["few texts"],
        ),
        # Harm counts also where nothing liked is held out; reasons come in the gate's order.
        (changed(likelihood=NONE, replies={"candidate": FINE | {"broken": 120}}), "reject", ["broken"]),
        (
            changed(
                replies={"candidate": FINE | {"broken": 120}},
                likelihood={"difference": 3, "interval": [2, 4]},
                copying={"candidate": 0.9},
            ),
            "reject",
            ["broken", "likelihood", "copying"],
        ),
    ],
)
def test_what_the_measures_mean(measures, answer, codes):
    found, reasons = decide(measures, GateSettings())
    assert (found, [code for code, _ in reasons]) == (answer, codes)
    assert all(text.endswith(".") for _, text in reasons)
