"""The entries of the schema that records use: spans, events, metrics, their attributes, and enumeration members.

An entry is a pair: what it belongs to, which is `span ...`, `span event ...`, `log event ...`, `metric ...` or an
enumeration's name, and the attribute or member, or "" for the thing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from otel_breaker_cli.otlp import DataPoint, LogRecord, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_breaker_cli.otlp import Attributes, TelemetryRecord
    from otel_breaker_cli.semconv_registry import Schema, Signal

Entry: TypeAlias = tuple[str, str]


def in_schema(schema: Schema) -> set[Entry]:
    """Every entry of the schema."""
    subjects: list[tuple[str, Signal]] = [(f"span {name}", span) for name, span in schema.spans.items()]
    subjects += [(f"metric {name}", metric) for name, metric in schema.metrics.items()]
    subjects += [
        (f"{kind} {name}", event) for kind in ("span event", "log event") for name, event in schema.events.items()
    ]
    entries = {(subject, "") for subject, _ in subjects}
    entries |= {(f"span event {event}", "") for span in schema.spans.values() for event in span.upstream_events}
    entries |= {(subject, attribute) for subject, signal in subjects for attribute in signal.attributes}
    entries |= {(name, member.value) for name, attribute in schema.attributes.items() for member in attribute.members}
    return entries


def in_records(records: Iterable[TelemetryRecord], schema: Schema) -> set[Entry]:
    """The entries that records use; a metric with the value 0 uses none."""
    return {entry for record in records for entry in _uses(record, schema)}


def _uses(record: TelemetryRecord, schema: Schema) -> Iterator[Entry]:
    if isinstance(record, Span):
        (name,) = schema.spans
        yield from _of(f"span {name}", record.attributes, schema)
        for event in record.events:
            yield from _of(f"span event {event.name}", event.attributes, schema)
    elif isinstance(record, LogRecord):
        yield from _of(f"log event {record.event_name}", record.attributes, schema)
    elif isinstance(record, DataPoint) and record.value:
        yield from _of(f"metric {record.metric}", record.attributes, schema)


def _of(subject: str, attributes: Attributes, schema: Schema) -> Iterator[Entry]:
    yield subject, ""
    for name, value in attributes.items():
        yield subject, name
        if name in schema.attributes and schema.attributes[name].members:
            yield name, value
