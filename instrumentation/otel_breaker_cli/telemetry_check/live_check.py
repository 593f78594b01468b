"""Holds telemetry against the schema: what is told that the schema does not know, and what is not told that it wants.

Only telemetry of our own scope is looked at. Whether everything in the schema is ever told is not asked: that depends
on what has happened.
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
    from otel_breaker_instrumentation.schema import Attribute, Schema, Signal

_FIELD: Final = re.compile(r"{(.*?)}")
_TYPES: Final = {str: "string", int: "int", float: "double", bool: "boolean"}
_INSTRUMENTS: Final = {"exponential_histogram": "histogram"}
"""What another aggregation of the same instrument exports."""
_MOST_KINDS: Final = 1_000
_OTHERS: Final = "further violations of other kinds"
_OVERFLOW: Final = "otel.metric.overflow"
"""Alone on the point that the SDK makes of all series above its limit."""


@dataclass
class Violation:
    """One way in which telemetry is not as the schema says."""

    text: str
    example: str
    """Where it was seen first."""
    count: int = 0

    def __str__(self) -> str:
        return f"{self.text} ({self.count} x, first in {self.example})"


class LiveCheck:
    """Collects violations of a schema, each once."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._violations: dict[str, Violation] = {}
        self.checked = 0
        """How many spans, log records and points of our scope were looked at."""

    @property
    def violations(self) -> list[Violation]:
        """In the order in which they were first seen."""
        return list(self._violations.values())

    def check(self, record: TelemetryRecord) -> None:
        """Look at one record; one of another scope is passed over."""
        if record.source.scope != SCOPE:
            return
        self.checked += 1
        for text in self._problems(record):
            kind = text if text in self._violations or len(self._violations) < _MOST_KINDS else _OTHERS
            violation = self._violations.setdefault(kind, Violation(kind, _place(record)))
            violation.count += 1

    def _problems(self, record: TelemetryRecord) -> Iterator[str]:
        if isinstance(record, Span):
            yield from self._span(record)
        elif isinstance(record, LogRecord):
            yield from self._event("log event", record.event_name, record.attributes)
        else:
            yield from self._point(record)

    def _span(self, span: Span) -> Iterator[str]:
        known = next((known for known in self._schema.spans.values() if _may_be(span, known)), None)
        if known is None:
            yield f"span {_shown(span.name)} is unknown"
            return
        subject = f"span {known.name!r}"
        if span.kind != known.kind:
            yield f"{subject} is {span.kind or 'of no kind'}, not {known.kind}"
        if span.name != _FIELD.sub(lambda found: str(span.attributes.get(found[1])), known.name):
            yield f"{subject} does not have the name that its attributes make"
        particulars = {"span.status": [span.status], "span.events": [event.name for event in span.events]}
        yield from _attributes(subject, span.attributes, known, particulars)
        for event in (event for event in span.events if event.name not in known.upstream_events):
            yield from self._event("span event", event.name, event.attributes)
        for link in span.links:
            yield from (f"{subject}: its link has an attribute {_shown(name)}" for name in link.attributes)

    def _event(self, kind: str, name: str, attributes: Attributes) -> Iterator[str]:
        known = self._schema.events.get(name)
        if known is None:
            yield f"{kind} {_shown(name)} is unknown"
        else:
            yield from _attributes(f"{kind} {name!r}", attributes, known)

    def _point(self, point: DataPoint) -> Iterator[str]:
        known = self._schema.metrics.get(point.metric)
        subject = f"metric {_shown(point.metric)}"
        if known is None:
            yield f"{subject} is unknown"
            return
        instrument = _INSTRUMENTS.get(point.instrument, point.instrument)
        if instrument != known.instrument:
            yield f"{subject} is made by {instrument}, not {known.instrument}"
        if point.unit != known.unit:
            yield f"{subject} has the unit {_shown(point.unit)}, not {known.unit!r}"
        if _OVERFLOW not in point.attributes:
            yield from _attributes(subject, point.attributes, known)


def _may_be(span: Span, known: Signal) -> bool:
    """Whether it has what does not change in the name."""
    return span.name.startswith(_FIELD.split(known.name)[0])


def _attributes(
    subject: str, attributes: Attributes, known: Signal, particulars: Mapping[str, list[str]] | None = None
) -> Iterator[str]:
    for name, value in attributes.items():
        if name not in known.attributes:
            yield f"{subject}: the attribute {_shown(name)} is unknown"
        elif problem := _misfit(value, known.attributes[name]):
            yield f"{subject}: {name} {problem}"
    said = {**{name: [value] for name, value in attributes.items()}, **(particulars or {})}
    for name, attribute in known.attributes.items():
        if name not in attributes and _is_required(attribute, said):
            because = f", which is required: {attribute.condition}" if attribute.condition else ", which is required"
            yield f"{subject}: {name} is missing{because}"


def _is_required(attribute: Attribute, said: Mapping[str, list[Any]]) -> bool:
    return attribute.level == "required" or any(
        all(any(value in values for value in said.get(name, ())) for name, values in condition.items())
        for condition in attribute.required_when
    )


def _misfit(value: object, attribute: Attribute) -> str | None:
    """What is wrong with a value, if anything is."""
    found, wanted = _type(value), "string" if attribute.members else attribute.type
    if found != wanted and not (value == [] and wanted.endswith("[]")):
        return f"is {found}, not {wanted}"
    if attribute.members and value not in {member.value for member in attribute.members}:
        return f"has the value {_shown(value)}, which is none of its enumeration"
    return None


def _type(value: object) -> str:
    """The type of a value, as the registry would call it."""
    if isinstance(value, list):
        return " or ".join(sorted({_type(item) for item in value})) + "[]"
    return _TYPES.get(type(value), type(value).__name__)


def _shown(value: object) -> str:
    """What anybody may have put into telemetry, bounded and without what a terminal would obey."""
    text = repr(value)
    return printable(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")


def _place(record: TelemetryRecord) -> str:
    """What finds a record again."""
    service = f"service {_shown(record.source.resource.get('service.name', 'unknown'))}"
    if isinstance(record, DataPoint):
        return f"{service}: {_shown(dict(record.attributes))}"
    return f"{service}: trace {record.trace_id}, span {record.span_id}" if record.trace_id else service
