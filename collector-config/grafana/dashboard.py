"""Generates circuit-breakers.json from the panels: `make docs`; `--check` only reports whether it is out of date.

Grafana's SDK needs Python 3.11; with an older one the file is not changed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

if sys.version_info < (3, 11):
    print("the dashboard is not changed: Grafana's SDK needs Python 3.11")
    sys.exit()

import panel_styles
import panels
from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableOption, VariableRefresh

FILE: Final = Path(__file__).with_name("circuit-breakers.json")
_HEIGHT: Final = 8


def dashboard_json() -> str:
    """The dashboard in the format that Grafana imports."""
    result = (
        dashboard.Dashboard("Circuit breakers")
        .uid("otel-breaker")
        .description("From the metrics of otel_breaker. A click on a series leads to its traces.")
        .tags(["otel-breaker", "generated"])
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-1h", "now")
        .refresh("30s")
    )
    for source in ("prometheus", "tempo", "jaeger"):
        result = result.with_variable(dashboard.DatasourceVariable(source).label(source.capitalize()).type(source))
    result = result.with_variable(_variable("job", "Service", "label_values(circuit_breaker_status, job)"))
    names = 'label_values(circuit_breaker_status{job=~"$job"}, circuit_breaker_name)'
    result = result.with_variable(_variable("breaker", "Breaker", names))
    for title, row in panels.ROWS.items():
        result = result.with_row(dashboard.Row(title))
        for panel, width in row:
            result = result.with_panel(panel().datasource(panel_styles.PROMETHEUS).height(_HEIGHT).span(width))
    return json.dumps(result.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(panel_styles.PROMETHEUS)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(text="All", value="$__all"))
    )


def main(arguments: list[str]) -> int:
    if FILE.exists() and FILE.read_text() == dashboard_json():
        return 0
    if "--check" in arguments:
        print(f"{FILE.name} is out of date: run `make docs`", file=sys.stderr)
        return 1
    FILE.write_text(dashboard_json())
    print(f"wrote {FILE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
