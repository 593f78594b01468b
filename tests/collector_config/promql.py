"""Compares PromQL queries with the schema: metrics, labels, and values of labels.

The names are those of Prometheus for metrics over OTLP with `UnderscoreEscapingWithSuffixes`. Queries are parsed,
never run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import promql_parser as promql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from otel_breaker_cli.semconv_registry import Schema, Signal

RESOURCE: Final = frozenset({"job", "instance"})
"""The labels of Prometheus for service.name and service.instance.id."""

_UNITS: Final = {"s": "_seconds"}
_PARTS: Final = ("_bucket", "_count", "_sum")


@dataclass(frozen=True)
class Metric:
    """A metric of Prometheus, or of a recording rule."""

    labels: frozenset[str]
    values: Mapping[str, frozenset[str]]
    """The values of each label that has a fixed set."""


def metrics(schema: Schema) -> dict[str, Metric]:
    """Every metric of the schema by its name in Prometheus."""
    return {name: _metric(signal) for signal in schema.metrics.values() for name in _names(signal)}


def problems(query: str, known: Mapping[str, Metric]) -> list[str]:
    """The metrics, labels and values of a query that do not exist.

    Raises:
        ValueError: for a query that is not PromQL.
    """
    found: list[str] = []

    def visit(node: promql.Expr) -> None:
        found.extend(_of_node(node, known))

    promql.walk(promql.parse(query), visit)
    return found


def recorded(query: str, known: Mapping[str, Metric]) -> Metric:
    """The metric that a rule with this query records."""
    values = {label: allowed for metric in known.values() for label, allowed in metric.values.items()}
    return Metric(labels(promql.parse(query), known), values)


def labels(node: promql.Expr, known: Mapping[str, Metric]) -> frozenset[str]:
    """The labels that the result of an expression has."""
    if isinstance(node, promql.VectorSelector):
        metric = known.get(node.name or "")
        return metric.labels if metric else frozenset()
    if isinstance(node, promql.AggregateExpr):
        return frozenset(node.modifier.labels if node.modifier else ())
    if isinstance(node, promql.BinaryExpr):
        left, right = labels(node.lhs, known), labels(node.rhs, known)
        return left | right if str(node.op) == "or" else left or right
    return frozenset().union(*(labels(child, known) for child in _children(node)))


def _names(signal: Signal) -> Iterator[str]:
    name = signal.name.replace(".", "_") + _UNITS.get(signal.unit, "")
    if signal.instrument == "histogram":
        yield from (name + part for part in _PARTS)
    elif signal.instrument == "counter":
        yield f"{name}_total"
    elif signal.instrument == "gauge" and signal.unit == "1" and not name.endswith("_ratio"):
        yield f"{name}_ratio"
    else:
        yield name


def _metric(signal: Signal) -> Metric:
    attributes = {attribute.name.replace(".", "_"): attribute for attribute in signal.attributes.values()}
    own = {"le"} if signal.instrument == "histogram" else set[str]()
    values = {
        label: frozenset(member.value for member in attribute.members)
        for label, attribute in attributes.items()
        if attribute.members
    }
    return Metric(RESOURCE | attributes.keys() | own, values)


def _of_node(node: promql.Expr, known: Mapping[str, Metric]) -> Iterator[str]:
    if isinstance(node, promql.VectorSelector):
        yield from _of_selector(node, known)
    elif isinstance(node, promql.AggregateExpr) and node.modifier:
        lacking = set(node.modifier.labels) - labels(node.expr, known)
        yield from (f"by ({label}): {node.expr.prettify()} has no such label" for label in sorted(lacking))
    elif isinstance(node, promql.BinaryExpr) and node.modifier and node.modifier.matching:
        for side in (node.lhs, node.rhs):
            lacking = set(node.modifier.matching.labels) - labels(side, known)
            yield from (f"on ({label}): {side.prettify()} has no such label" for label in sorted(lacking))


def _of_selector(selector: promql.VectorSelector, known: Mapping[str, Metric]) -> Iterator[str]:
    metric = known.get(selector.name or "")
    if metric is None:
        yield f"there is no metric {selector.name}"
        return
    for matcher in selector.matchers.matchers:
        if matcher.name not in metric.labels:
            yield f"{selector.name} has no label {matcher.name}"
        elif matcher.name in metric.values:
            wrong = set(matcher.value.split("|")) - metric.values[matcher.name]
            yield from (f"{matcher.name} of {selector.name} is never {value!r}" for value in sorted(wrong))


def _children(node: promql.Expr) -> Sequence[promql.Expr]:
    if isinstance(node, promql.MatrixSelector):
        return (node.vector_selector,)
    if isinstance(node, promql.Call):
        return node.args
    return (node.expr,) if isinstance(node, promql.ParenExpr | promql.UnaryExpr | promql.SubqueryExpr) else ()
