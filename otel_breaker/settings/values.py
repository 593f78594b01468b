"""Reading single values: what a number, a duration or a name may look like, and the error when it does not.

Every reader takes the value and the path where it stands, and returns the value as the settings keep it; it carries
a JSON Schema of what may be written in a file, which may allow more than the reader but never less. Values that stand
for code are code.py's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

from otel_breaker.errors import InvalidSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

T_co = TypeVar("T_co", covariant=True)
Schema: TypeAlias = Mapping[str, object]

_LONGEST: Final = 80
_MOST_NAMES: Final = 30
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_WRITTEN: Final = rf"^\s*{_DURATION.pattern}\s*$"

A_DURATION: Final = 'seconds as a number, or text with a unit such as "500ms", "30s" or "10m"'


def allowed(path: str, value: object, remedy: str) -> InvalidSettings:
    """The error for a value that is not allowed; shows at most a line of it."""
    return InvalidSettings(path, f"{repr(value)[:_LONGEST]} is not allowed", remedy)


def nearest(name: str, known: Iterable[str]) -> str:
    """A remedy for a name that is not known: the one that was probably meant, or all there are."""
    known = sorted(known)
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(known)}" if 0 < len(known) <= _MOST_NAMES else "is it spelt right?"


@dataclass(frozen=True)
class Reader(Generic[T_co]):
    """Reads one kind of value."""

    read: Callable[[object, str], T_co]
    schema: Schema
    """What may be written in a file, in JSON Schema."""

    def __call__(self, value: object, path: str) -> T_co:
        return self.read(value, path)


def reads(**schema: object) -> Callable[[Callable[[object, str], T_co]], Reader[T_co]]:
    """Make a reader of a function; a decorator."""
    return lambda read: Reader(read, schema)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(minimum: int) -> Reader[int]:
    @reads(type="integer", minimum=minimum)
    def read(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise allowed(path, value, f"a whole number of at least {minimum}")
        return value

    return read


@reads(type="number", exclusiveMinimum=0, maximum=1)
def share(value: object, path: str) -> float:
    number = _number(value)
    if number is None or not 0 < number <= 1:
        raise allowed(path, value, "a share above 0 and at most 1, such as 0.5")
    return number


@reads(type="number", minimum=0, maximum=1)
def share_or_zero(value: object, path: str) -> float:
    number = _number(value)
    if number is None or not 0 <= number <= 1:
        raise allowed(path, value, "a share from 0 to 1, such as 0.2")
    return number


@reads(type="number", minimum=1)
def factor(value: object, path: str) -> float:
    number = _number(value)
    if number is None or number < 1:
        raise allowed(path, value, "a number of at least 1; 2 doubles each time")
    return number


@reads(type=["number", "string"], exclusiveMinimum=0, pattern=_WRITTEN)
def duration(value: object, path: str) -> float:
    """Seconds, from a number, a timedelta or text with a unit; above 0."""
    seconds = _seconds(value)
    if seconds is None or not 0 < seconds < math.inf:
        raise allowed(path, value, f"{A_DURATION}, above 0")
    return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        return float(match[1]) * _UNITS[match[2]] if match else None
    return _number(value)


@reads(type=["integer", "string"], minimum=1, pattern=_WRITTEN)
def window(value: object, path: str) -> int | timedelta:
    """So many calls as a number, or a duration as text or timedelta."""
    if isinstance(value, str | timedelta):
        seconds = _seconds(value)
        shortest, longest = timedelta.resolution.total_seconds(), timedelta.max.total_seconds()
        if seconds is not None and shortest <= seconds < longest:
            return timedelta(seconds=seconds)
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise allowed(path, value, 'a number of calls of at least 1, or a duration as text such as "60s"')


@reads(type="string", minLength=1)
def text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise allowed(path, value, "text")
    return value


def mapping(value: object, path: str) -> Mapping[str, object]:
    """Names to values; nothing at all is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise allowed(path, value, "a mapping of names to values")
    return value


def optional(reader: Reader[T_co]) -> Reader[T_co | None]:
    """Reads nothing at all, too."""
    return Reader(
        lambda value, path: None if value is None else reader(value, path),
        {"anyOf": [reader.schema, {"type": "null"}]},
    )
