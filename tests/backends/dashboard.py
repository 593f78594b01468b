"""Sends every query of the dashboard to Prometheus as Grafana does."""

from collections.abc import Iterator

from tests.backends.check_results import CheckResult
from tests.backends.oncall import GRAPH_SECONDS
from tests.backends.queries import prometheus_graph
from tests.collector_config.dashboard import queries


def checks(url: str) -> Iterator[CheckResult]:
    for query in queries():
        expression = " ".join(query.expression.split())
        series = prometheus_graph(url, expression, GRAPH_SECONDS)
        yield CheckResult(
            f"Dashboard: {query.panel}", "prometheus", expression, f"{len(series)} series", holds=bool(series)
        )
