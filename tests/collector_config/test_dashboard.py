"""The dashboard queries what the schema defines, has a panel for each metric, and links to traces."""

from __future__ import annotations

import json
import re
from typing import Final

import promql_parser as promql
import pytest

from otel_breaker_cli.semconv_registry import load
from tests.collector_config.dashboard import Query, dashboard, queries
from tests.collector_config.promql import labels, metrics, problems

QUERIES: Final = queries()
KNOWN: Final = metrics(load())
SPANS: Final = {name: attribute for span in load().spans.values() for name, attribute in span.attributes.items()}


def by_panel(query: Query) -> str:
    return query.panel


@pytest.mark.parametrize("query", QUERIES, ids=by_panel)
def test_every_metric_label_and_value_of_a_query_is_in_the_schema(query: Query) -> None:
    assert problems(query.expression, KNOWN) == []


@pytest.mark.parametrize("query", QUERIES, ids=by_panel)
def test_every_label_of_a_legend_or_a_link_is_in_the_result(query: Query) -> None:
    (panel,) = (panel for panel in dashboard()["panels"] if panel["title"] == query.panel)
    legends = [target["legendFormat"] for target in panel["targets"]]

    named = set(re.findall(r"\{\{(\w+)\}\}", " ".join(legends)))
    named |= set(re.findall(r"__field\.labels\.(\w+)", str(query.links)))

    assert named
    assert named <= labels(promql.parse(query.expression), KNOWN)


def test_every_metric_has_a_panel_except_the_one_that_is_off_by_default() -> None:
    text = "\n".join(query.expression for query in QUERIES)

    unseen = {name for name in KNOWN if name not in text}

    assert unseen == {f"circuit_breaker_call_duration_seconds_{part}" for part in ("bucket", "count", "sum")}


def test_the_queries_of_the_variables_agree_with_the_schema() -> None:
    queries_of_variables = " ".join(
        choice["query"] for choice in dashboard()["templating"]["list"] if choice["type"] == "query"
    )
    choices = re.findall(r"label_values\((.*?), (\w+)\)", queries_of_variables)

    assert len(choices) == 2
    for selector, label in choices:
        assert problems(selector.replace("$job", ".*"), KNOWN) == []
        assert label in labels(promql.parse(selector), KNOWN)


def test_variables_are_defined_or_come_from_grafana() -> None:
    chosen = {choice["name"] for choice in dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", str(dashboard()["panels"])))

    assert {"prometheus", "tempo", "jaeger", "job", "breaker"} == chosen
    assert used - chosen == {"__rate_interval", "__range", "__field", "__from", "__to"}


@pytest.mark.parametrize("query", [query for query in QUERIES if query.links], ids=by_panel)
def test_links_search_tempo_and_jaeger_for_attributes_and_values_that_spans_have(query: Query) -> None:
    tempo, jaeger = (link["queries"][0] for link in query.links)
    wanted = re.findall(r"span\.([\w.]+) = (\S+)", tempo["query"])

    assert re.findall(r"(\S+)=(\S+)", jaeger["tags"]) == wanted
    for name, written in wanted:
        value, attribute = json.loads(written), SPANS[name]
        assert isinstance(value, bool if attribute.type == "boolean" else str)
        assert not attribute.members or value in {member.value for member in attribute.members}


def test_every_panel_about_breakers_links_to_their_traces() -> None:
    assert [query.panel for query in QUERIES if not query.links] == ["Targets that are not guarded"]


def test_panels_lie_side_by_side_and_fill_the_width() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    cells = [
        (place["y"] + row, place["x"] + column)
        for place in places
        for row in range(place["h"])
        for column in range(place["w"])
    ]

    assert len(cells) == len(set(cells))
    assert {column for _, column in cells} == set(range(24))
