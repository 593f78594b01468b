"""Compares telemetry with the schema: names and values that are not in it, and required attributes that are missing.

Only telemetry of the breakers' own scope is checked. Whether all names of the schema occur is not checked, since that
depends on what has happened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.telemetry.names import SCOPE
from otel_breaker.text import LONGEST, printable
from otel_breaker_cli.otlp import DataPoint, LogRecord, Span, TelemetryRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_breaker_cli.otlp import Attributes
    from otel_breaker_cli.semconv_registry import Attribute, Schema, Signal

_FIELD: Final = re.compile(r"{(.*?)}")
_TYPES: Final = {str: "string", int: "int", float: "double", bool: "boolean"}
_INSTRUMENTS: Final = {"exponential_histogram": "histogram"}
"""The instrument of each exported aggregation that is not named after its instrument."""
_MAX_KINDS: Final = 1_000
_OTHERS: Final = "further violations of other kinds"
_OVERFLOW: Final = "otel.metric.overflow"
"""The only attribute of the data point that the SDK makes of all series above its limit."""


@dataclass
class Violation:
    """One kind of difference from the schema."""

    text: str
    example: str
    """Where it occurred first."""
    count: int = 0

    def __str__(self) -> str:
        return f"{self.text} ({self.count} x, first in {self.example})"


class LiveCheck:
    """Collects violations of a schema, each kind once."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._violations: dict[str, Violation] = {}
        self.checked = 0
        """How many spans, log records and data points of the breakers' scope were checked."""

    @property
    def violations(self) -> list[Violation]:
        """In the order of their first occurrence."""
        return list(self._violations.values())

    def check(self, record: TelemetryRecord) -> None:
        """Check one record; one of another scope is ignored."""
        if record.source.scope != SCOPE:
            return
        self.checked += 1
        for text in self._problems(record):
            kind = text if text in self._violations or len(self._violations) < _MAX_KINDS else _OTHERS
            violation = self._violations.setdefault(kind, Violation(kind, _location(record)))
            violation.count += 1

    def _problems(self, record: TelemetryRecord) -> Iterator[str]:
        if isinstance(record, Span):
            yield from self._span(record)
        elif isinstance(record, LogRecord):
            yield from self._event("log event", record.event_name, record.attributes)
        else:
            yield from self._point(record)

    def _span(self, span: Span) -> Iterator[str]:
        known = next((known for known in self._schema.spans.values() if _has_prefix_of(span, known)), None)
        if known is None:
            yield f"span {_safe_repr(span.name)} is unknown"
            return
        subject = f"span {known.name!r}"
        if span.kind != known.kind:
            yield f"{subject} is {span.kind or 'of no kind'}, not {known.kind}"
        if span.name != _FIELD.sub(lambda field: str(span.attributes.get(field[1])), known.name):
            yield f"{subject} does not have the name that its attributes make"
        span_facts = {"span.status": [span.status], "span.events": [event.name for event in span.events]}
        yield from _attributes(subject, span.attributes, known, span_facts)
        for event in (event for event in span.events if event.name not in known.upstream_events):
            yield from self._event("span event", event.name, event.attributes)
        for link in span.links:
            yield from (f"{subject}: its link has an attribute {_safe_repr(name)}" for name in link.attributes)

    def _event(self, kind: str, name: str, attributes: Attributes) -> Iterator[str]:
        known = self._schema.events.get(name)
        if known is None:
            yield f"{kind} {_safe_repr(name)} is unknown"
        else:
            yield from _attributes(f"{kind} {name!r}", attributes, known)

    def _point(self, point: DataPoint) -> Iterator[str]:
        known = self._schema.metrics.get(point.metric)
        subject = f"metric {_safe_repr(point.metric)}"
        if known is None:
            yield f"{subject} is unknown"
            return
        instrument = _INSTRUMENTS.get(point.instrument, point.instrument)
        if instrument != known.instrument:
            yield f"{subject} is made by {instrument}, not {known.instrument}"
        if point.unit != known.unit:
            yield f"{subject} has the unit {_safe_repr(point.unit)}, not {known.unit!r}"
        if _OVERFLOW not in point.attributes:
            yield from _attributes(subject, point.attributes, known)


def _has_prefix_of(span: Span, known: Signal) -> bool:
    """Whether the span's name begins as the schema's does before its first field."""
    return span.name.startswith(_FIELD.split(known.name)[0])


def _attributes(
    subject: str, attributes: Attributes, known: Signal, span_facts: Mapping[str, list[str]] | None = None
) -> Iterator[str]:
    for name, value in attributes.items():
        if name not in known.attributes:
            yield f"{subject}: the attribute {_safe_repr(name)} is unknown"
        elif problem := _value_problem(value, known.attributes[name]):
            yield f"{subject}: {name} {problem}"
    present = {**{name: [value] for name, value in attributes.items()}, **(span_facts or {})}
    for name, attribute in known.attributes.items():
        if name not in attributes and _is_required(attribute, present):
            because = f", which is required: {attribute.condition}" if attribute.condition else ", which is required"
            yield f"{subject}: {name} is missing{because}"


def _is_required(attribute: Attribute, present: Mapping[str, list[Any]]) -> bool:
    return attribute.level == "required" or any(
        all(any(value in values for value in present.get(name, ())) for name, values in condition.items())
        for condition in attribute.required_when
    )


def _value_problem(value: object, attribute: Attribute) -> str | None:
    """The problem of a value; None when it has none."""
    actual, expected = _type(value), "string" if attribute.members else attribute.type
    if actual != expected and not (value == [] and expected.endswith("[]")):
        return f"is {actual}, not {expected}"
    if attribute.members and value not in {member.value for member in attribute.members}:
        return f"has the value {_safe_repr(value)}, which is none of its enumeration"
    return None


def _type(value: object) -> str:
    """The type of a value, by its name in the schema."""
    if isinstance(value, list):
        return " or ".join(sorted({_type(item) for item in value})) + "[]"
    return _TYPES.get(type(value), type(value).__name__)


def _safe_repr(value: object) -> str:
    """A value of telemetry as bounded text without control characters: anybody may have written it."""
    text = repr(value)
    return printable(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")


def _location(record: TelemetryRecord) -> str:
    """Where a record is to be found."""
    service = f"service {_safe_repr(record.source.resource.get('service.name', 'unknown'))}"
    if isinstance(record, DataPoint):
        return f"{service}: {_safe_repr(dict(record.attributes))}"
    return f"{service}: trace {record.trace_id}, span {record.span_id}" if record.trace_id else service
