"""Links from a series of a panel to its traces in Grafana's Explore, in Tempo and in Jaeger."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from grafana_foundation_sdk.builders import dashboard

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import DashboardLink

_VARIABLE: Final = re.compile(r"(\$\{[^}]+\})")
_NAME: Final = "${__field.labels.circuit_breaker_name}"
_JOB: Final = "${__field.labels.job}"


def links(title: str, **attributes: str | bool) -> list[Builder[DashboardLink]]:
    """Links to the spans of the series' breaker that have these attributes.

    Args:
        title: the title of those spans.
        **attributes: by name without its prefix, and with `__` for a dot.
    """
    values = {"name": _NAME} | {name.replace("__", "."): value for name, value in attributes.items()}
    attributes_by_name = {f"circuit_breaker.{name}": json.dumps(value) for name, value in values.items()}
    conditions = [f"span.{name} = {value}" for name, value in attributes_by_name.items()]
    conditions.append(f"resource.service.name = {json.dumps(_JOB)}")
    tags = " ".join(f"{name}={value}" for name, value in attributes_by_name.items())
    return [
        _link(f"{title} (Tempo)", "tempo", {"queryType": "traceql", "query": f"{{ {' && '.join(conditions)} }}"}),
        _link(f"{title} (Jaeger)", "jaeger", {"queryType": "search", "service": _JOB, "tags": tags}),
    ]


def _link(title: str, source: str, query: dict[str, str]) -> Builder[DashboardLink]:
    uid = f"${{{source}}}"
    pane = {
        "datasource": uid,
        "queries": [{"refId": "A", "datasource": {"type": source, "uid": uid}, **query}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    return dashboard.DashboardLink(title).url(f"/explore?schemaVersion=1&panes={_quoted(json.dumps({'A': pane}))}")


def _quoted(text: str) -> str:
    """Text quoted for a URL, except Grafana's variables."""
    return "".join(part if _VARIABLE.fullmatch(part) else quote(part, safe="") for part in _VARIABLE.split(text))
