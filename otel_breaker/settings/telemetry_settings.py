"""What is told of breakers, and what is not: the switches of telemetry, with their readers.

How they act is telemetry's business; where they are written (code, a file, the environment) is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, TypeVar

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import readers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

Choice = TypeVar("Choice", bound=Enum)

_MOST_DIGITS: Final = 18
"""Of a number as text; Python refuses to read one of thousands."""

_FLAGS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


class Spans(Enum):
    """Which calls get a span."""

    ALL = "all"
    """Every call."""
    PROBLEMS = "problems"
    """Calls that failed, were slow, cancelled or refused, probes, and calls that moved a circuit."""
    OFF = "off"
    """No call."""


class Events(Enum):
    """Where a state change is told."""

    SPAN = "span"
    """On the span of the call that caused it."""
    LOG = "log"
    """As a log event."""
    BOTH = "both"


class TelemetryKeywords(TypedDict, total=False):
    """The switches as keyword arguments; the same names stand in the configuration file."""

    spans: Literal["all", "problems", "off"] | Spans
    events: Literal["span", "log", "both"] | Events
    rejected_span_limit: int | None
    duration_histogram: bool
    record_exceptions: bool


def _choice(kind: type[Choice]) -> readers.Reader[Choice]:
    known = [each.value for each in kind]

    @readers.reads(enum=[*known, False] if "off" in known else known)
    def read(value: object, path: str) -> Choice:
        try:
            return kind("off" if value is False else value)  # YAML 1.1 reads a bare `off` so
        except ValueError:
            raise readers.allowed(path, value, f"one of {', '.join(known)}") from None

    return read


@readers.reads(enum=[True, False, *_FLAGS])
def _flag(value: object, path: str) -> bool:
    meant = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(meant, bool):
        raise readers.allowed(path, value, "true or false")
    return meant


@readers.reads(type=["integer", "string", "null"], minimum=0, pattern=r"^\s*[0-9]+\s*$")
def _limit(value: object, path: str) -> int | None:
    if isinstance(value, str) and len(value) <= _MOST_DIGITS and value.strip().isdecimal():
        value = int(value)
    return None if value is None else readers.whole(0)(value, path)


def _switch(default: object, read: readers.Reader[object], meaning: str, example: str) -> Any:
    return field(default=default, metadata={"read": read, "meaning": meaning, "example": example})


@dataclass(frozen=True, kw_only=True)
class TelemetrySettings:
    """All switches, checked.

    Raises:
        InvalidSettings: naming the switch, its value and what is allowed.
    """

    spans: Spans = _switch(
        Spans.ALL,
        _choice(Spans),
        "`all`; `problems`: of failed, slow, cancelled and refused calls, probes and calls that moved a circuit; what"
        " was no problem at its start has one made afterwards, with its true start and without children; `off`: none,"
        " for whoever wants metrics only.",
        "problems",
    )
    events: Events = _switch(
        Events.BOTH, _choice(Events), "State changes as `span` events, as `log` events, or `both`.", "log"
    )
    rejected_span_limit: int | None = _switch(
        None, _limit, "Spans of refused calls a second and circuit; all of them are counted all the same.", "10"
    )
    duration_histogram: bool = _switch(
        False, _flag, "The metric `circuit_breaker.call.duration`, with exemplars where spans are sampled.", "true"
    )
    record_exceptions: bool = _switch(
        False, _flag, "Exceptions as span events, with their text and traceback, which may hold secrets.", "true"
    )

    def __post_init__(self) -> None:
        self._read("")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], path: str = "") -> Self:
        """Read switches as they are written in a file, in the environment or as keyword arguments.

        Args:
            mapping: names to values.
            path: where the mapping stands, for errors.

        Raises:
            InvalidSettings: for a name that is not known, or a value that is not allowed.
        """
        known = {spec.name for spec in fields(cls)}
        for name in mapping:
            if name not in known:
                where = f"{path}.{name}" if path else str(name)
                raise InvalidSettings(where, "there is no such switch", readers.nearest(str(name), known))
        switches = object.__new__(cls)
        for spec in fields(cls):
            object.__setattr__(switches, spec.name, mapping.get(spec.name, spec.default))
        switches._read(path)
        return switches

    def _read(self, path: str) -> None:
        for spec in fields(self):
            where = f"{path}.{spec.name}" if path else spec.name
            object.__setattr__(self, spec.name, spec.metadata["read"](getattr(self, spec.name), where))
