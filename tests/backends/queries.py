"""Queries to Jaeger, Tempo and Prometheus over their HTTP APIs.

Expected answers are not known here.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests

Json = dict[str, Any]
T = TypeVar("T")
LIMIT = 5000
"""More results than any check expects, so that none is cut off."""


def eventually(query: Callable[[], T], is_expected: Callable[[T], bool], seconds: float) -> T:
    """Repeat a query until its answer is as expected or the time has passed; returns the last answer."""
    deadline = time.monotonic() + seconds
    while not is_expected(answer := query()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


def jaeger(url: str, service: str, tags: Mapping[str, str]) -> list[Json]:
    """The traces that have a span with these tags."""
    found: list[Json] = _get(
        f"{url}/api/traces", service=service, tags=json.dumps(tags), lookback="1h", limit=str(LIMIT)
    )["data"]
    return found


def jaeger_trace(url: str, trace_id: str) -> list[Json]:
    """The spans of a trace; none if it is unknown."""
    traces = _get(f"{url}/api/traces/{trace_id}").get("data") or [{"spans": []}]
    spans: list[Json] = traces[0]["spans"]
    return spans


def tempo(url: str, query: str) -> list[Json]:
    """The traces that match, each with the spans that do."""
    found: list[Json] = _get(f"{url}/api/search", q=query, limit=str(LIMIT), spss="20").get("traces", [])
    return found


def prometheus(url: str, query: str) -> list[Json]:
    """The series of an instant query: each with its labels, `metric`, and its `value`."""
    found: list[Json] = _get(f"{url}/api/v1/query", query=query)["data"]["result"]
    return found


def prometheus_graph(url: str, query: str, seconds: float) -> list[Json]:
    """The series of a graph that ends now: each with its labels, `metric`, and its `values`."""
    now = time.time()
    span = {"start": str(now - seconds), "end": str(now), "step": "1"}
    found: list[Json] = _get(f"{url}/api/v1/query_range", query=query, **span)["data"]["result"]
    return found


def health(url: str) -> str:
    """The status that a Collector reports."""
    return str(_get(url).get("status", ""))


def by_label(series: list[Json], *labels: str) -> dict[str, float]:
    """The values of series by the values of some labels, without zeros."""
    values = {" ".join(one["metric"].get(label, "") for label in labels): float(one["value"][1]) for one in series}
    return {label: value for label, value in sorted(values.items()) if value}


def _get(url: str, **parameters: str) -> Json:
    # A session of its own that ignores proxy settings, since the programs are on this machine.
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, params=parameters, timeout=30)
    if answer.status_code == requests.codes.not_found:
        return {}
    if not answer.ok:
        raise QueryError(f"{answer.status_code}: {answer.text.strip()[:300]}")
    body: Json = answer.json()
    return body


class QueryError(Exception):
    """The program rejects a query; the text is its own."""
