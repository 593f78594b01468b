"""Every query of the dashboard, asked as Grafana would ask it."""

from collections.abc import Iterator

from tests.backends import ask
from tests.backends.answers import Answer
from tests.backends.oncall import LOOKED_AT
from tests.collector_config.dashboard import queries


def checks(url: str) -> Iterator[Answer]:
    for query in queries():
        expression = " ".join(query.expression.split())
        found = ask.prometheus_graph(url, expression, LOOKED_AT)
        yield Answer(f"Dashboard: {query.panel}", "prometheus", expression, f"{len(found)} series", holds=bool(found))
