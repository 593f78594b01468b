"""The queries and links of the Grafana dashboard, as the generated file has them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

FILE: Final = Path(__file__).parents[2] / "collector-config" / "grafana" / "circuit-breakers.json"


@dataclass(frozen=True)
class Query:
    """One query of one panel."""

    panel: str
    expression: str
    """PromQL with a value for every variable."""
    links: tuple[dict[str, Any], ...]
    """The panes of Explore that a click on a series of the panel opens."""


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def queries(*, rate_interval: str = "4m", time_range: str = "1h") -> list[Query]:
    """Every query of every panel, for all services and breakers.

    Args:
        rate_interval: the value of Grafana's `$__rate_interval`: at least four export intervals.
        time_range: the value of `$__range`, the time that the dashboard shows.
    """
    values = {"$__rate_interval": rate_interval, "$__range": time_range, "$job": ".*", "$breaker": ".*"}
    found = []
    for panel in dashboard()["panels"]:
        links = tuple(_pane(link["url"]) for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", ()))
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for variable, value in values.items():
                expression = expression.replace(variable, value)
            found.append(Query(panel["title"], expression, links))
    return found


def _pane(url: str) -> dict[str, Any]:
    (panes,) = parse_qs(urlsplit(url).query)["panes"]
    (pane,) = json.loads(panes).values()
    found: dict[str, Any] = pane
    return found
