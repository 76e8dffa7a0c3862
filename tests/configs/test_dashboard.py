"""The alert rules lead to the troubleshooting page, and Grafana's dashboard fits Grafana and the bot's metrics."""

import json
import re
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from configs.settings import ROOT

DEPLOY = ROOT / "configs" / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))


def heading_anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the site makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_alert_rule_names_a_section_of_the_troubleshooting_page():
    rules = (DEPLOY / "prometheus-alerts.yml").read_text(encoding="utf-8")
    alerts, runbooks = re.findall(r"- alert: (\w+)", rules), re.findall(r"runbook: (\S+)", rules)
    assert len(alerts) == len(runbooks) > 8
    for alert, runbook in zip(alerts, runbooks, strict=True):
        page, _, anchor = runbook.partition("#")
        assert anchor in heading_anchors(ROOT / page), alert


def missing_parts(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """Places of `ours` that `theirs` has lost or changed. Null counts as missing; what `theirs` adds is ignored."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        parts = [(f"{place}/{key}", value, theirs.get(key)) for key, value in ours.items() if value is not None]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        parts = [(f"{place}/{index}", *pair) for index, pair in enumerate(zip(ours, theirs, strict=True))]
    else:
        return [] if ours == theirs else [place]
    return [lost for part, value, other in parts for lost in missing_parts(value, other, part)]


def test_grafana_s_own_model_of_a_dashboard_keeps_every_part_of_ours():
    register_default_plugins()
    loaded = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))
    assert missing_parts(DASHBOARD, loaded) == []
    assert missing_parts({**DASHBOARD, "title": "Jokes", "panelz": 1}, loaded) == ["/title", "/panelz"]


def test_the_dashboard_shows_only_metrics_that_the_bot_has():
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    documented = set(re.findall(r"`(jokebot_\w+)", (ROOT / "docs" / "deploy" / "metrics.md").read_text()))
    used = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"jokebot_\w+", target["expr"])
    }
    assert used <= documented and len(used) > 15
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["title"] and panel["description"] for panel in panels)


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether two places on the dashboard's grid share a cell."""
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in (("x", "w"), ("y", "h"))
    )


def test_no_panel_lies_on_another_one():
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [
        (number, place, other)
        for number, place in enumerate(places)
        for other in places[number + 1 :]
        if overlap(place, other)
    ]
