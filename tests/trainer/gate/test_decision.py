"""The decision table of docs/gate.md, row by row."""

from copy import deepcopy
from typing import Any

import pytest
from scipy.stats import fisher_exact

from configs.learning import GateSettings
from trainer.gate.collapse import MEASURES as COLLAPSE_MEASURES
from trainer.gate.decision import COLLAPSE, decide, fisher

FINE = {"replies": 120, "empty": 0, "broken": 0, "language": 0, "unfinished": 0}
MANY = FINE | {"replies": 480}
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
    **{
        name: {"language": "en", "base": 1.0, "champion": 1.0, "candidate": 1.0, "limit": 2.0, "harm": False}
        for name in COLLAPSE
    },
    "copying": {"champion": 0.2, "candidate": 0.25, "taught": 0.22, "reference": 0.22},
    "copies": {"champion": 0.1, "candidate": 0.15, "reference": 0.1},
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
        # Replies: one or a few more failures than the champion's are chance; significantly more are harm.
        (changed(replies={"candidate": FINE | {"empty": 1}}), "promote", ["fine"]),
        (changed(replies={"candidate": FINE | {"broken": 6}}), "promote", ["fine"]),
        (changed(replies={"candidate": FINE | {"broken": 8}}), "reject", ["broken"]),
        (changed(replies={"candidate": FINE | {"empty": 8}}), "reject", ["empty"]),
        (changed(replies={"candidate": FINE | {"empty": 8}, "champion": FINE | {"empty": 3}}), "promote", ["fine"]),
        (changed(replies={"candidate": FINE | {"broken": 6}, "base": FINE}), "reject", ["broken"]),
        (changed(replies={"candidate": FINE | {"language": 8}}), "reject", ["language"]),
        (
            changed(replies={"candidate": MANY | {"language": 25}, "champion": MANY | {"language": 8}}),
            "reject",
            ["language"],
        ),
        (
            changed(replies={"candidate": MANY | {"language": 25}, "champion": MANY | {"language": 18}}),
            "promote",
            ["fine"],
        ),
        # Likelihood: harm where the whole interval lies beyond the margin; a wide interval is the trial's to decide.
        (changed(likelihood={"difference": 0.3, "interval": [0.11, 0.5]}), "reject", ["likelihood"]),
        (changed(likelihood={"difference": 0.3, "interval": [0.09, 0.5]}), "promote", ["fine"]),
        (changed(likelihood={"photos": 9, "difference": 0.3, "interval": [0.2, 0.5]}), "promote", ["few"]),
        (changed(likelihood={"photos": 1, "difference": 2.1, "interval": None}), "reject", ["likelihood"]),
        (changed(likelihood=NONE), "undecided", ["nothing"]),
        # Collapse, against limits that follow from the base, and copying, against its reference.
        *((changed(**{name: {"harm": True}}), "reject", [name]) for name in COLLAPSE),
        (changed(copying={"candidate": 0.53}), "reject", ["copying"]),
        (changed(copies={"candidate": 0.41}), "reject", ["copying"]),
        (
            changed(
                copying={"champion": None, "candidate": None, "reference": None},
                copies={"champion": None, "candidate": None, "reference": None},
                **{name: {"candidate": None, "base": None, "harm": False} for name in COLLAPSE},
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


def test_without_a_liked_joke_the_new_jokes_decide_where_the_settings_say_so():
    settings = GateSettings(min_liked_photos=0)
    assert decide(changed(likelihood=NONE), settings)[0] == "promote"
    assert decide(changed(likelihood=NONE, variety={"harm": True}), settings)[0] == "reject"


def test_every_measure_of_collapse_has_a_sentence():
    assert COLLAPSE.keys() == COLLAPSE_MEASURES.keys()


def test_the_test_of_failures_is_fishers():
    for new, of_new, old, of_old in ((5, 120, 0, 120), (3, 60, 1, 240), (0, 10, 4, 10), (10, 10, 0, 10)):
        expected = fisher_exact([[new, of_new - new], [old, of_old - old]], "greater").pvalue
        assert fisher(new, of_new, old, of_old) == pytest.approx(expected)
