"""Reads the semantic-convention registry that ships with otel_breaker: the attributes of each span, event and metric.

It parses the syntax as far as our own registry uses it. telemetry_check/ compares telemetry with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_OURS: Final = "otel_breaker"
_MANIFEST: Final = "manifest.yaml"

Group = dict[str, Any]


@dataclass(frozen=True)
class Member:
    """One value of an enumeration."""

    value: str
    brief: str


@dataclass(frozen=True)
class Attribute:
    """An attribute as one span, event or metric uses it."""

    name: str
    type: str
    """In the registry's notation, such as `double` or `string[]`; `enum` when it has members."""
    brief: str
    note: str = ""
    members: tuple[Member, ...] = ()
    examples: tuple[Any, ...] = ()
    level: str = "recommended"
    """`required`, `conditionally_required`, `recommended` or `opt_in`."""
    condition: str = ""
    """What the level depends on, for people."""
    required_when: tuple[Mapping[str, Sequence[object]], ...] = ()
    """The same for machines, as far as the item shows it: any of these, see manifest.yaml."""
    sampling_relevant: bool = False
    """Whether a span has it from its start, where samplers see it."""


@dataclass(frozen=True)
class Signal:
    """One kind of span, event or metric."""

    name: str
    """Of a span, a template: a field in braces is an attribute of it."""
    brief: str
    note: str
    attributes: Mapping[str, Attribute]
    kind: str = ""
    """Of a span."""
    upstream_events: tuple[str, ...] = ()
    """Of a span: events whose definition is not ours."""
    instrument: str = ""
    """Of a metric: `counter`, `updowncounter`, `gauge` or `histogram`."""
    unit: str = ""
    """Of a metric."""


@dataclass(frozen=True)
class Schema:
    """Everything that the registry defines; each mapping is by name."""

    attributes: Mapping[str, Attribute]
    """Our own attributes, as they are defined."""
    spans: Mapping[str, Signal]
    events: Mapping[str, Signal]
    metrics: Mapping[str, Signal]


def load() -> Schema:
    """Read the registry that is installed."""
    groups = list(_groups())
    attributes = {
        definition["id"]: _attribute(definition["id"], definition)
        for group in _of_type(groups, "attribute_group")
        for definition in group["attributes"]
    }
    events = [_signal(group, group["name"], attributes) for group in _of_type(groups, "event")]
    spans = [_span(group, attributes) for group in _of_type(groups, "span")]
    metrics = [_metric(group, attributes) for group in _of_type(groups, "metric")]
    return Schema(
        attributes=attributes,
        spans={span.name: span for span in spans},
        events={event.name: event for event in events},
        metrics={metric.name: metric for metric in metrics},
    )


def _groups() -> Iterator[Group]:
    folder = files("otel_breaker.telemetry") / "semconv"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name != _MANIFEST:
            yield from yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]


def _of_type(groups: Iterable[Group], wanted: str) -> Iterator[Group]:
    return (group for group in groups if group["type"] == wanted)


def _signal(group: Group, name: str, attributes: Mapping[str, Attribute], **particulars: Any) -> Signal:
    used = {part["ref"]: _attribute(part["ref"], part, attributes.get(part["ref"])) for part in group["attributes"]}
    return Signal(name, group["brief"], group.get("note", ""), used, **particulars)


def _span(group: Group, attributes: Mapping[str, Attribute]) -> Signal:
    annotated = _annotated(group)
    upstream = tuple(annotated["upstream_events"])
    return _signal(group, annotated["name"], attributes, kind=group["span_kind"], upstream_events=upstream)


def _metric(group: Group, attributes: Mapping[str, Attribute]) -> Signal:
    return _signal(group, group["metric_name"], attributes, instrument=group["instrument"], unit=group["unit"])


def _attribute(name: str, part: Group, defined: Attribute | None = None) -> Attribute:
    """The attribute of a definition, or of a reference, which overrides parts of the definition."""
    attribute = defined or _defined(name, part)
    level, condition = _level(part.get("requirement_level", "recommended"))
    return replace(
        attribute,
        brief=part.get("brief", attribute.brief),
        note=part.get("note", attribute.note),
        examples=tuple(part.get("examples", attribute.examples)),
        level=level,
        condition=condition,
        required_when=tuple(_annotated(part).get("required_when", ())),
        sampling_relevant=part.get("sampling_relevant", False),
    )


def _defined(name: str, part: Group) -> Attribute:
    kind = part.get("type") or _annotated(part)["type"]
    if isinstance(kind, str):
        return Attribute(name, kind, part["brief"])
    members = tuple(Member(member["value"], member["brief"]) for member in kind["members"])
    return Attribute(name, "enum", part["brief"], members=members)


def _level(level: str | Mapping[str, str]) -> tuple[str, str]:
    """The level, and its condition."""
    return (level, "") if isinstance(level, str) else next(iter(level.items()))


def _annotated(part: Group) -> Group:
    annotations: Group = part.get("annotations", {}).get(_OURS, {})
    return annotations
